package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// cores is how many cores every process of the benchmark has, this one included: the same
// ones for all.
const cores = 2

// process is a program that serves at an address.
type process struct {
	cmd     *exec.Cmd
	said    *os.File // what it writes
	address string
}

// spawn starts a program on the benchmark's cores and waits until its address answers.
func spawn(ctx context.Context, address string, env []string, args ...string) (*process, error) {
	p := &process{cmd: exec.Command(args[0], args[1:]...), address: address}
	p.cmd.Env = append(os.Environ(), env...)
	var err error
	if p.said, err = os.CreateTemp("", "us-bench-said"); err != nil {
		return nil, err
	}
	p.cmd.Stdout, p.cmd.Stderr = p.said, p.said
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := pin(); err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	return p, p.await(ctx)
}

func (p *process) await(ctx context.Context) error {
	if p.address == "unix" { // who starts it knows when it answers
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		if conn, err := net.Dial("tcp", p.address); err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("nothing answers at %s:\n%s", p.address, p.words())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// words are what it wrote.
func (p *process) words() string {
	text, err := os.ReadFile(p.said.Name())
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func (p *process) end() error {
	defer func() { _ = os.Remove(p.said.Name()) }() // it is below the system's folder for such files
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	timer := time.AfterFunc(5*time.Second, func() { _ = p.cmd.Process.Kill() })
	defer timer.Stop()
	_ = p.cmd.Wait() // how it ended is no news: it was told to
	return nil
}

// family is a process and those that it started.
func family(pid int) []int {
	all := []int{pid}
	entries, _ := filepath.Glob("/proc/[0-9]*/stat") // none: it is alone
	for _, entry := range entries {
		fields, err := statOf(entry)
		if err != nil {
			continue // it has ended meanwhile
		}
		if parent, _ := strconv.Atoi(fields[1]); parent == pid {
			if child, err := strconv.Atoi(filepath.Base(filepath.Dir(entry))); err == nil {
				all = append(all, family(child)...)
			}
		}
	}
	return all
}

// statOf is what follows the name in a process's stat: state, parent, …
func statOf(path string) ([]string, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	_, rest, _ := strings.Cut(string(raw), ") ")
	if fields := strings.Fields(rest); len(fields) > 20 {
		return fields, nil
	}
	return nil, fmt.Errorf("%s is not as expected", path)
}

// processor is the time of all cores that processes have used, user and system.
func processor(pids []int) (time.Duration, error) {
	var ticks int64
	for _, pid := range pids {
		fields, err := statOf(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return 0, err
		}
		for _, field := range fields[11:13] {
			n, err := strconv.ParseInt(field, 10, 64)
			if err != nil {
				return 0, err
			}
			ticks += n
		}
	}
	return time.Duration(ticks) * time.Second / 100, nil // the kernel's USER_HZ
}

// resident is the memory that processes hold, in MB.
func resident(pids []int) (float64, error) {
	var pages int64
	for _, pid := range pids {
		fields, err := statOf(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return 0, err
		}
		n, err := strconv.ParseInt(fields[21], 10, 64)
		if err != nil {
			return 0, err
		}
		pages += n
	}
	return float64(pages) * float64(os.Getpagesize()) / (1 << 20), nil
}

// freeAddress is one that nobody has now.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}
