// Package loopback finds ports for servers that only this machine reaches.
package loopback

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"runtime"
	"syscall"
	"time"

	"understudy"
)

// Loopback ports are chosen below those that systems give to outgoing connections (from
// 32768 on Linux, 49152 on macOS): one of those could be anybody's by the time that a
// server is started again on it.
const (
	lowestPort  = 20000
	highestPort = 32000
)

// reserved is for how long a port that was found is found by no other Understudy of the
// machine: what it is for may have to be made first, such as a database's directory.
const reserved = 2 * time.Minute

// FreePort finds a loopback port that nobody has now, and that no other call finds for two
// minutes, whichever process of this machine makes it. (Between processes that holds on Linux only.)
func FreePort() (int, error) {
	for range 200 {
		port := lowestPort + rand.IntN(highestPort-lowestPort)
		free, err := take(port)
		if err != nil {
			return 0, err
		}
		if free {
			return port, nil
		}
	}
	return 0, understudy.Errorf(understudy.KindUnavailable, "no free loopback port was found from %d to %d", lowestPort, highestPort)
}

// take reserves a port, and tells whether it was neither reserved nor listened on.
func take(port int) (bool, error) {
	release, err := reserve(port)
	if errors.Is(err, syscall.EADDRINUSE) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		release()
		if errors.Is(err, syscall.EADDRINUSE) {
			return false, nil
		}
		return false, err
	}
	time.AfterFunc(reserved, release)
	return true, l.Close()
}

// reserve holds a name of the port that only one process of the machine can have: an abstract
// socket, which is of the same network as the port, and ends with its process.
func reserve(port int) (release func(), err error) {
	if runtime.GOOS != "linux" {
		return func() {}, nil
	}
	held, err := net.ListenPacket("unixgram", fmt.Sprintf("@understudy/loopback/%d", port))
	if err != nil {
		return nil, err
	}
	return func() { held.Close() }, nil //nolint:errcheck // nothing was written
}
