package daemon

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"understudy"
)

// takeLock makes sure that one daemon at a time has a state directory. The lock goes with
// the process, however it ends.
func takeLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, understudy.Errorf(understudy.KindUnavailable, "taking the state directory: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		holder, _ := os.ReadFile(path) // only to name it
		closeErr := f.Close()
		return nil, understudy.Errorf(understudy.KindConflict, "another daemon (process %s) has this state directory",
			strings.TrimSpace(string(holder))).WithHint("stop it with: understudy stop%s", said(closeErr))
	}
	if err := f.Truncate(0); err != nil {
		return nil, fmt.Errorf("writing %s: %w", path, err)
	}
	_, err = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return f, err
}

// giveLock gives the lock back by name: closing the file alone leaves it taken for as long
// as a child that is just being started has a copy of it.
func giveLock(f *os.File) error {
	return errors.Join(unix.Flock(int(f.Fd()), unix.LOCK_UN), f.Close())
}

func said(err error) string {
	if err == nil {
		return ""
	}
	return " (" + err.Error() + ")"
}
