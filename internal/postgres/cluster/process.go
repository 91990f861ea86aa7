package cluster

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"understudy"
)

// postmaster is what postmaster.pid says of the server, and whether that is still true.
type postmaster struct {
	pid       int
	dir       string
	port      int
	socketDir string
	ready     bool // it says that it takes connections
	alive     bool
}

// postmaster reads the server's file and looks whether its process is there and ours. A
// file whose process is surely another program's is set aside, as it would stop a start.
func (c *Cluster) postmaster() (postmaster, error) {
	path := filepath.Join(c.spec.Dir, "postmaster.pid")
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return postmaster{}, nil
	}
	if err != nil {
		return postmaster{}, understudy.Errorf(understudy.KindUnavailable, "asking whether %s runs: %w", c, err)
	}
	found := parsePostmaster(string(content))
	if found.pid <= 0 || errors.Is(syscall.Kill(found.pid, 0), syscall.ESRCH) {
		return found, nil // PostgreSQL itself clears such a file away
	}
	if !isServer(found.pid, c.spec.Dir) {
		if err := os.Rename(path, path+".stale"); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return found, understudy.Errorf(understudy.KindUnavailable,
				"setting aside %s, whose process %d is another program now: %w", path, found.pid, err)
		}
		return found, nil
	}
	found.alive = true
	return found, nil
}

func parsePostmaster(content string) postmaster {
	lines := strings.Split(content, "\n")
	line := func(n int) string {
		if n >= len(lines) {
			return ""
		}
		return strings.TrimSpace(lines[n])
	}
	number := func(n int) int {
		value, err := strconv.Atoi(line(n))
		if err != nil { // a file that is being written, or damaged, names no process
			return 0
		}
		return value
	}
	return postmaster{pid: number(0), dir: line(1), port: number(3), socketDir: line(4), ready: line(7) == "ready"}
}

// clearSocket removes the socket's lock file that a killed server left; one of a server
// that runs elsewhere is an error. PostgreSQL does so itself only while nobody else has
// the process number, not even a process that has ended and was not yet buried.
func (c *Cluster) clearSocket() error {
	path := c.Socket() + ".lock"
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "looking at the socket of %s: %w", c, err)
	}
	if other := parsePostmaster(string(content)); other.pid > 0 && isServer(other.pid, other.dir) {
		return understudy.Errorf(understudy.KindConflict, "starting %s: its socket %s belongs to the server on %s (process %d)",
			c, c.Socket(), other.dir, other.pid).WithHint("give each cluster a folder of its own for its socket")
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return understudy.Errorf(understudy.KindUnavailable, "clearing the socket of %s: %w", c, err)
	}
	return nil
}

// isServer tells whether a process is a PostgreSQL server on a directory. Where the
// system does not show a process's folder, that it is a PostgreSQL must do.
func isServer(pid int, dir string) bool {
	if _, err := os.Stat("/proc/self/cwd"); err == nil {
		folder, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/cwd")
		if errors.Is(err, fs.ErrPermission) { // another user's: we could not signal it either
			return processNamed(pid, "postgres")
		}
		return err == nil && sameFolder(folder, dir)
	}
	return processNamed(pid, "postgres")
}

func processNamed(pid int, name string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "ps", "-o", "comm=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && strings.Contains(string(out), name)
}

func sameFolder(a, b string) bool {
	if filepath.Clean(a) == filepath.Clean(b) {
		return true
	}
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}

// Stop ends the server: clients are cut off, data is written out. It returns when the
// process is gone; a cluster that does not run is stopped already. When ctx ends first,
// the server goes on stopping.
func (c *Cluster) Stop(ctx context.Context) error {
	if err := c.validate(); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Dir(c.spec.Dir)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	unlock, err := c.lock(ctx)
	if err != nil {
		return err
	}
	return errors.Join(c.stopLocked(ctx), unlock())
}

func (c *Cluster) stopLocked(ctx context.Context) error {
	running, err := c.postmaster()
	if err != nil || !running.alive {
		return err
	}
	if err := syscall.Kill(running.pid, syscall.SIGINT); err != nil && !errors.Is(err, syscall.ESRCH) {
		return understudy.Errorf(understudy.KindUnavailable, "stopping %s: signalling process %d: %w", c, running.pid, err)
	}
	for {
		still, err := c.postmaster()
		if err != nil || !still.alive || still.pid != running.pid {
			return err
		}
		if err := pause(ctx, 10*time.Millisecond); err != nil {
			return understudy.Errorf(understudy.KindUnavailable, "waiting for %s (process %d) to end: %w", c, running.pid, err).
				WithHint("it goes on stopping; its log is %s", c.spec.Log)
		}
	}
}

// lock orders starts and stops of one directory among all programs of this machine.
func (c *Cluster) lock(ctx context.Context) (unlock func() error, err error) {
	path := c.spec.Dir + ".lock"
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, understudy.Errorf(understudy.KindUnavailable, "making folder %s for %s: %w", filepath.Dir(path), c, err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, understudy.Errorf(understudy.KindUnavailable, "locking %s: %w", c, err)
	}
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return file.Close, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return nil, understudy.Errorf(understudy.KindUnavailable, "locking %s: %w", c, errors.Join(err, file.Close()))
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return nil, understudy.Errorf(understudy.KindConflict, "waiting while somebody else starts or stops %s: %w", c, errors.Join(err, file.Close()))
		}
	}
}

// Alive tells whether a server's process runs on the data directory, also one that does
// not answer yet, or not any more.
func (c *Cluster) Alive() (bool, error) {
	found, err := c.postmaster()
	return found.alive, err
}
