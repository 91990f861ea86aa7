package process

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"

	"understudy"
)

func becomeReaper() error { return nil }

func dropAmbient() error { return nil }

func attributes(credential *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: true, Credential: credential}
}

func own(*os.File, *syscall.Credential) error { return nil }

func bootID() (string, error) { return unix.Sysctl("kern.bootsessionuuid") }

func startOf(pid int) (string, error) {
	info, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil || info == nil || info.Proc.P_stat == 5 { // 5: a zombie
		return "", fs.ErrNotExist
	}
	return fmt.Sprintf("%d.%d", info.Proc.P_starttime.Sec, info.Proc.P_starttime.Usec), nil
}

// membersOf tells only that the process group still has somebody in it.
func membersOf(session int) []running {
	if err := syscall.Kill(-session, 0); err != nil {
		return nil
	}
	return []running{{pid: -session, name: "process group"}}
}

func below() []running { return nil }

func deadChildren() []int { return nil }

func executable(int) (path, stamp string, err error) { return "", "", errors.ErrUnsupported }

func socketAt(path string) (usable string, release func() error, err error) {
	if len(path) >= 104 {
		return "", nil, understudy.Errorf(understudy.KindInvalid, "socket %s: its path is longer than this system allows (103 bytes)", path).
			WithHint("choose a shorter state directory with --state-dir")
	}
	return path, func() error { return nil }, nil
}

func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

// environOf cannot tell: the kernel shows no other process's environment.
func environOf(int) ([]string, error) { return entries(nil), errors.ErrUnsupported }
