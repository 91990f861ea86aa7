package process

import (
	"context"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

// launcher starts every process of a supervisor from one thread, and waits for the
// dead. The thread matters: the kernel ends a child with the thread that started it
// (Pdeathsig), so that thread must live as long as the supervisor does.
type launcher struct {
	jobs chan func()
	done chan struct{}

	mu      sync.Mutex
	tracked map[int]bool // children that somebody waits for by name
}

func newLauncher() *launcher {
	return &launcher{jobs: make(chan func()), done: make(chan struct{}), tracked: map[int]bool{}}
}

// run keeps the thread until ctx ends. Everything that was started ends then.
func (l *launcher) run(ctx context.Context) {
	defer close(l.done)
	runtime.LockOSThread() // never unlocked: the thread carries changed capabilities and ends here
	refusal := dropAmbient()
	for {
		select {
		case job := <-l.jobs:
			if refusal == nil {
				job()
			}
		case <-ctx.Done():
			return
		}
	}
}

// start starts a command. wait must follow.
func (l *launcher) start(cmd *exec.Cmd) error {
	result := make(chan error, 1)
	job := func() {
		l.mu.Lock() // so that reap never sees a child before it is tracked
		defer l.mu.Unlock()
		err := cmd.Start()
		if err == nil {
			l.tracked[cmd.Process.Pid] = true
		}
		result <- err
	}
	select {
	case l.jobs <- job:
		return <-result
	case <-l.done:
		return context.Canceled
	}
}

func (l *launcher) wait(cmd *exec.Cmd) error {
	err := cmd.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.tracked, cmd.Process.Pid)
	return err
}

// reap waits for dead orphans that became our children.
func (l *launcher) reap() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, pid := range deadChildren() {
		if !l.tracked[pid] {
			_, _ = syscall.Wait4(pid, nil, syscall.WNOHANG, nil) // none left: nothing to do
		}
	}
}

// strays is what left its session and then its parent: classic daemons.
func (l *launcher) strays() []running {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []running
	for _, p := range below() {
		if p.parent == selfPID() && !l.tracked[p.pid] {
			out = append(out, p)
		}
	}
	return out
}
