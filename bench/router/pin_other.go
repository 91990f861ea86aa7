//go:build !linux

package main

// pin would keep this thread, and what it starts, on the benchmark's cores; this system has no way to ask for that.
func pin() error { return nil }
