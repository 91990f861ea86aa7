package router

import "runtime"

// ballastSize is memory that is asked for and never touched, so that it is not really
// there. The collector runs when what is in use has doubled: a router has so little in
// use that it would run all the time, which is a sixth of what a request costs. With it,
// up to about twice as much is used before that.
const ballastSize = 32 << 20

// takeBallast returns what throws it off.
func takeBallast() (drop func()) {
	ballast := make([]byte, ballastSize)
	return func() { runtime.KeepAlive(ballast) }
}
