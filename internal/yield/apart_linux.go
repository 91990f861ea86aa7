package yield

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// Apart runs this program once more, with its arguments and streams, at the head of a
// session of its own, and returns its exit status when it ends. There its work yields to all
// other sessions; where it was started it could only yield to who works in that one. It is
// interrupted when ctx ends, and ended when we are killed. apart is false, and nothing was run,
// where the program leads its session already or the system does not share out by sessions.
func Apart(ctx context.Context) (status int, apart bool) {
	if _, err := os.Stat(autogroup(os.Getpid())); err != nil || leads(os.Getpid()) {
		return 0, false
	}
	program, err := os.Executable()
	if err != nil {
		return 0, false // to yield is a wish
	}
	cmd := exec.CommandContext(ctx, program, os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGTERM}
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	runtime.LockOSThread() // that this thread ended would be taken for our death
	defer runtime.UnlockOSThread()
	if cmd.Start() != nil {
		return 0, false
	}
	_ = cmd.Wait() // its status says all
	if status = cmd.ProcessState.ExitCode(); status < 0 {
		return 1, true // it was killed
	}
	return status, true
}

// leads tells whether a process leads its session.
func leads(process int) bool {
	leader, err := unix.Getsid(process)
	return err == nil && leader == process
}
