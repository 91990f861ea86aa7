package main

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// clientCore is the core that the client has for itself, the last; the servers have the others.
func clientCore() int { return runtime.NumCPU() - 1 }

// alone keeps the thread it is called on, which is locked, on one core, until what it returns
// is called, and lets it come before other programs there.
func alone(core int) (free func(), err error) {
	return stay(func(n int) bool { return n == core })
}

// besides keeps the thread, and the programs that it starts, off one core; where there is
// only one it stays as it is.
func besides(core int) (free func(), err error) {
	if runtime.NumCPU() == 1 {
		return func() {}, nil
	}
	return stay(func(n int) bool { return n != core })
}

func stay(on func(core int) bool) (free func(), err error) {
	var before, now unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return nil, err
	}
	seen := 0
	for n := range 1024 {
		if !before.IsSet(n) {
			continue
		}
		if on(seen) {
			now.Set(n)
		}
		seen++
	}
	if err := unix.SchedSetaffinity(0, &now); err != nil {
		return nil, err
	}
	urgent(unix.SCHED_RR, 1)
	return func() {
		urgent(unix.SCHED_NORMAL, 0)
		_ = unix.SchedSetaffinity(0, &before) // it was allowed before
	}, nil
}

// urgent lets the thread, and the programs that it starts, come before other programs of the
// machine, which are not what is measured. It is a wish: not everybody may.
func urgent(policy, priority uint32) {
	_ = unix.SchedSetAttr(0, &unix.SchedAttr{Policy: policy, Priority: priority}, 0)
}
