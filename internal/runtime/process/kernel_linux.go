package process

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"understudy"
)

// becomeReaper makes this process the parent of what its programs leave behind.
func becomeReaper() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return understudy.Errorf(understudy.KindInternal, "becoming the parent of orphaned processes: %w", err)
	}
	return nil
}

// dropAmbient takes the capabilities a sealed supervisor works with away from what
// this thread starts. It changes the calling thread only.
func dropAmbient() error {
	return unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
}

// attributes puts a child into a session of its own that ends with the thread that
// starts it.
func attributes(credential *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL, Credential: credential}
}

// own gives a pipe to the user who writes to it, who may then open /dev/stdout anew.
func own(pipe *os.File, credential *syscall.Credential) error {
	if credential == nil {
		return nil
	}
	return pipe.Chown(int(credential.Uid), int(credential.Gid))
}

func bootID() (string, error) {
	raw, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return string(bytes.TrimSpace(raw)), err
}

// startOf is when a process started, in the kernel's own ticks: with its number and
// the boot it names a process for good. A zombie is gone.
func startOf(pid int) (string, error) {
	p, err := readProcess(pid)
	if err == nil && p.dead {
		err = fs.ErrNotExist
	}
	return p.started, err
}

func readProcess(pid int) (running, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if errors.Is(err, syscall.ESRCH) {
		err = fs.ErrNotExist
	}
	if err != nil {
		return running{}, err
	}
	open, shut := bytes.IndexByte(raw, '('), bytes.LastIndexByte(raw, ')')
	fields := strings.Fields(string(raw[shut+1:]))
	if open < 0 || len(fields) < 22 {
		return running{}, fmt.Errorf("reading /proc/%d/stat: unknown form", pid)
	}
	number := func(i int) int {
		n, _ := strconv.Atoi(fields[i]) // the kernel writes decimal numbers here
		return n
	}
	ticks := number(11) + number(12) + number(13) + number(14) // its own and those of children that it waited for
	return running{pid: pid, parent: number(1), session: number(3), started: fields[19],
		cpu: time.Duration(ticks) * (time.Second / 100), memory: int64(number(21)) * int64(os.Getpagesize()),
		dead: fields[0] == "Z" || fields[0] == "X", name: string(raw[open+1 : shut])}, nil
}

// processes is every process of the machine that can be seen, the dead included.
func processes() ([]running, error) {
	folders, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	var out []running
	for _, folder := range folders {
		pid, err := strconv.Atoi(filepath.Base(folder))
		if err != nil {
			continue
		}
		p, err := readProcess(pid)
		if err != nil { // gone meanwhile
			continue
		}
		out = append(out, p)
	}
	return out, nil
}

// membersOf is what runs in a session that begin made.
func membersOf(session int) []running {
	return living(func(p running) bool { return p.session == session })
}

func living(keep func(running) bool) []running {
	all, err := processes()
	if err != nil { // without /proc nothing can be found
		return nil
	}
	var out []running
	for _, p := range all {
		if !p.dead && keep(p) {
			out = append(out, p)
		}
	}
	return out
}

// below is every living process that descends from this one.
func below() []running {
	all, err := processes()
	if err != nil {
		return nil
	}
	family, found := map[int]bool{os.Getpid(): true}, []running{}
	for grown := true; grown; {
		grown = false
		for _, p := range all {
			if family[p.parent] && !family[p.pid] {
				family[p.pid], grown = true, true
				if !p.dead {
					found = append(found, p)
				}
			}
		}
	}
	return found
}

// deadChildren is the children of this process that nobody has waited for yet.
func deadChildren() []int {
	all, err := processes()
	if err != nil {
		return nil
	}
	var out []int
	for _, p := range all {
		if p.dead && p.parent == os.Getpid() {
			out = append(out, p.pid)
		}
	}
	return out
}

// executable is what a process runs, as a path that can be opened and a name that
// changes when the file does.
func executable(pid int) (path, stamp string, err error) {
	path = fmt.Sprintf("/proc/%d/exe", pid)
	info, err := os.Stat(path)
	if err != nil {
		return "", "", err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "", "", errors.ErrUnsupported
	}
	return path, fmt.Sprintf("%d/%d/%d/%d", stat.Dev, stat.Ino, info.Size(), info.ModTime().UnixNano()), nil
}

// environOf is the environment that a process was started with, as far as it has left it alone.
func environOf(pid int) ([]string, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	return entries(raw), err
}

// socketAt is a path for a Unix socket that the kernel accepts even where the real one
// is longer than 107 bytes. Release it after bind or connect.
func socketAt(path string) (usable string, release func() error, err error) {
	if len(path) < 104 {
		return path, func() error { return nil }, nil
	}
	fd, err := unix.Open(filepath.Dir(path), unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", nil, err
	}
	usable = fmt.Sprintf("/proc/self/fd/%d/%s", fd, filepath.Base(path))
	return usable, func() error { return unix.Close(fd) }, nil
}

func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
