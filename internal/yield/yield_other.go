//go:build !linux

package yield

import "context"

// Run runs act. Only Linux has threads of different niceness in one process.
func Run(act func() error) error { return act() }

// Session does nothing here: processes are not shared out by sessions.
func Session(int) (yields bool) { return false }

// Behind does nothing here: processes are not told apart by how they wake.
func Behind(int) (done bool) { return true }

// Rest does nothing either.
func Rest(int) (back func()) { return func() {} }

// Family does nothing here either.
func Family(int) {}

// Apart does nothing here, and says so.
func Apart(context.Context) (status int, apart bool) { return 0, false }
