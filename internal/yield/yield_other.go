//go:build !linux

package yield

// Run runs act. Only Linux has threads of different niceness in one process.
func Run(act func() error) error { return act() }

// Session does nothing here: processes are not shared out by sessions.
func Session(int) {}
