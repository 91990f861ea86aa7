package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"understudy"
	"understudy/internal/systemd"
)

const (
	startPatience = 10 * time.Second      // with a daemon that starts
	startGrace    = time.Second           // with one that was started by somebody else when ours ended
	startLook     = 25 * time.Millisecond // between looks
	logLines      = 5                     // of the log, in an error
)

// answers tells whether somebody listens on a socket.
func answers(ctx context.Context, socket string) bool {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", socket)
	return err == nil && conn.Close() == nil
}

// start starts the daemon and waits until it answers. Of commands that come here at the
// same time one starts it, and the others wait for that one.
func (c *cli) start(ctx context.Context, at place) error {
	if service, is, err := systemd.Marked(at.state.Root); err != nil || is {
		if err != nil {
			return err
		}
		return c.awaitService(ctx, at, service.Daemon)
	}
	if err := at.state.Make(); err != nil {
		return err
	}
	turn, err := os.OpenFile(at.state.Below("starting.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "starting the daemon: %w", err)
	}
	defer func() { _ = turn.Close() }() // nothing was written; the lock goes with it
	waiting, cancel := context.WithTimeout(ctx, c.patience)
	defer cancel()
	for unix.Flock(int(turn.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil {
		if answers(waiting, at.state.Socket()) {
			return nil
		}
		if pause(waiting, startLook) != nil {
			return c.notStarted(ctx, at, 0, "another command has been starting it for %s", took(c.patience))
		}
	}
	if answers(waiting, at.state.Socket()) {
		return nil
	}
	return c.spawn(ctx, at)
}

// awaitService waits for a daemon that is a service of this machine: it may be starting just
// now. None is started beside it.
func (c *cli) awaitService(ctx context.Context, at place, unit string) error {
	waiting, cancel := context.WithTimeout(ctx, c.patience)
	defer cancel()
	for !answers(waiting, at.state.Socket()) {
		if pause(waiting, startLook) == nil {
			continue
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return understudy.Errorf(understudy.KindUnavailable, "the daemon is a service of this machine, %s, and does not answer", unit).
			WithHint("start it: systemctl start %s\nsee why it does not run: journalctl -u %s -n 50", unit, unit)
	}
	return nil
}

// spawn starts a daemon that outlives this command.
func (c *cli) spawn(ctx context.Context, at place) error {
	program, err := os.Executable()
	if err != nil {
		return understudy.Errorf(understudy.KindInternal, "finding this program's own file: %w", err)
	}
	log, err := os.OpenFile(at.state.Below("logs", "daemon.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "starting the daemon: %w", err)
	}
	defer func() { _ = log.Close() }() // the daemon has its own
	before, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "starting the daemon: %w", err)
	}
	cmd := exec.Command(program, "serve", "--state-dir", at.state.Root, "-C", at.project)
	cmd.Dir, cmd.Stdout, cmd.Stderr = at.project, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "starting the daemon: %w", err)
	}
	gone := make(chan struct{})
	go func() { // until the daemon ends, or this process does
		defer close(gone)
		_ = cmd.Wait() // its log says why
	}()
	c.voice.say("starting the daemon (process %d)", cmd.Process.Pid)
	return c.await(ctx, at, gone, before)
}

// await waits for a daemon to answer: the one that was started, or one that was faster.
func (c *cli) await(ctx context.Context, at place, gone <-chan struct{}, logged int64) error {
	waiting, cancel := context.WithTimeout(ctx, c.patience)
	defer cancel()
	for !answers(waiting, at.state.Socket()) {
		select {
		case <-gone:
			gone = nil
			after := time.AfterFunc(startGrace, cancel)
			defer after.Stop()
		default:
		}
		if pause(waiting, startLook) == nil {
			continue
		}
		if gone == nil {
			return c.notStarted(ctx, at, logged, "it ended at once")
		}
		return c.notStarted(ctx, at, logged, "it did not answer within %s", took(c.patience))
	}
	return nil
}

func (c *cli) notStarted(ctx context.Context, at place, logged int64, format string, args ...any) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	path := at.state.Below("logs", "daemon.log")
	why := understudy.Errorf(understudy.KindUnavailable, format, args...)
	said := lastLines(path, logged)
	return understudy.Errorf(understudy.KindUnavailable, "the daemon did not start: %w%s", why, said).
		WithHint("its log is %s", path)
}

// lastLines is the end of what was written to a log after a place in it, each line on a
// line of its own; nothing where it cannot be read.
func lastLines(path string, from int64) string {
	content, err := os.ReadFile(path)
	if err != nil || int64(len(content)) <= from {
		return ""
	}
	lines := strings.Split(string(bytes.TrimSpace(content[from:])), "\n")
	return "\n" + strings.Join(lines[max(0, len(lines)-logLines):], "\n")
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// gone waits until a daemon that was asked to end has let go of its state directory.
func (c *cli) gone(ctx context.Context, at place) error {
	ctx, cancel := context.WithTimeout(ctx, stopPatience)
	defer cancel()
	for !letGo(at.state.Below("daemon.lock")) || answers(ctx, at.state.Socket()) {
		if err := pause(ctx, startLook); err != nil {
			return understudy.Errorf(understudy.KindUnavailable, "the daemon was asked to end %s ago and still runs", took(stopPatience)).
				WithHint("see %s", at.state.Below("logs", "daemon.log"))
		}
	}
	return nil
}

// stopPatience is how long a daemon may take to end.
const stopPatience = 30 * time.Second

// letGo tells whether nobody has a lock.
func letGo(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return errors.Is(err, os.ErrNotExist)
	}
	free := unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB) == nil
	return f.Close() == nil && free
}
