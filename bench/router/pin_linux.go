package main

import "golang.org/x/sys/unix"

// pin keeps this thread, and what it starts, on the benchmark's cores.
func pin() error {
	var set unix.CPUSet
	for core := range cores {
		set.Set(core)
	}
	return unix.SchedSetaffinity(0, &set)
}
