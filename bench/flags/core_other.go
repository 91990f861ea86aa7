//go:build !linux

package main

func clientCore() int { return 0 }

// A system that lets no thread choose its core has the client and the servers share them.
func alone(int) (free func(), err error) { return func() {}, nil }

func besides(int) (free func(), err error) { return func() {}, nil }
