package main

import (
	"syscall"
	"time"
)

// sleep asks the kernel: sleepers of Go wake up to a millisecond late.
func sleep(wait time.Duration) {
	left := syscall.NsecToTimespec(wait.Nanoseconds())
	for syscall.Nanosleep(&left, &left) == syscall.EINTR { // with what is left
	}
}
