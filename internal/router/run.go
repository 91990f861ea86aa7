package router

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"understudy"
)

// Config says where a router lives.
type Config struct {
	State   string // folder of the state file, the lock and the access log; made where it is missing
	Control string // path of the control socket, under 104 bytes
	Log     *slog.Logger
	// Drain is how long requests may go on after the end was asked for; 0: DefaultDrain.
	Drain time.Duration
	// Ready is called once it serves, and an error of it ends the router; nil: nobody is told.
	Ready func() error
	// Command starts a copy of this router for Upgrade; empty: this program with its arguments.
	Command []string
}

// DefaultDrain is how long a router that ends waits for its requests.
const DefaultDrain = 30 * time.Second

// Run is the router: it restores what it served, opens its listeners and serves control.
// It returns when the context ends, at SIGTERM, or when a new copy has taken over, in
// each case after its requests have ended. There is one router for each state folder.
func Run(ctx context.Context, c Config) error {
	ctx, stop := signal.NotifyContext(ctx, unix.SIGTERM)
	defer stop()
	c, err := c.complete()
	if err != nil {
		return err
	}
	defer takeBallast()()
	heir, err := inherit()
	if err != nil {
		return err
	}
	defer heir.close()
	access, err := openAccessLog(filepath.Join(c.State, "access.log"), accessLimit, c.Log)
	if err != nil {
		return fmt.Errorf("opening the access log: %w", err)
	}
	r := newRouter(c, &shared{state: c.State, descriptors: openFiles(), log: c.Log, buffers: newBuffers(), access: access})
	quiet := make(chan struct{})
	r.serving.Go(func() { access.run(quiet) })
	err = r.live(ctx, heir, quiet)
	heir.fail(err)
	return errors.Join(err, access.close())
}

// openFiles is how many files and connections this process may have open; 0: any.
func openFiles() int {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil || limit.Cur > 1<<30 {
		return 0
	}
	return int(limit.Cur)
}

// complete fills in what was left out, and makes the folder.
func (c Config) complete() (Config, error) {
	if c.State == "" || c.Control == "" {
		return c, understudy.Errorf(understudy.KindInvalid, "a router needs a state folder and a control socket")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Drain <= 0 {
		c.Drain = DefaultDrain
	}
	if len(c.Command) == 0 {
		program, err := os.Executable()
		if err != nil {
			return c, fmt.Errorf("finding this program's own file: %w", err)
		}
		c.Command = append([]string{program}, os.Args[1:]...)
	}
	if err := os.MkdirAll(c.State, 0o700); err != nil {
		return c, fmt.Errorf("making the router's state folder: %w", err)
	}
	return c, nil
}

// live goes from the lock to the last request. Everything it started has ended when it returns.
func (r *router) live(ctx context.Context, heir *heir, quiet chan<- struct{}) error {
	defer r.serving.Wait()
	defer close(quiet)
	if err := r.takeLock(heir); err != nil {
		return err
	}
	defer func() {
		if heir == nil && !r.moved.Load() { // nobody else is to have it; a program that is being started has it a moment longer
			_ = unix.Flock(int(r.lock.Fd()), unix.LOCK_UN)
		}
		_ = r.lock.Close() // gives the lock back; nothing was written to it
	}()
	if heir != nil {
		r.predecessor = heir.alone
	}
	failed := r.restore(ctx, heir.listeners())
	if failed == nil {
		failed = r.openControl(ctx, heir)
	}
	var control *http.Server
	if failed == nil {
		control = r.newControl()
		r.serving.Go(func() {
			if err := control.Serve(r.control); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
				r.problem(Problem{about: aboutControl, Text: "the control socket has stopped answering: " + err.Error()})
			}
		})
		if failed = r.tellReady(); failed == nil {
			heir.ready()
		}
		r.shared.log.Info("the router serves", "fronts", len(r.all()), "control", r.config.Control)
		if failed == nil {
			r.waitForEnd(ctx)
		}
	}
	return errors.Join(failed, r.end(control))
}

func (r *router) tellReady() error {
	if r.config.Ready == nil {
		return nil
	}
	return r.config.Ready()
}

func (r *router) waitForEnd(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-r.handedOver:
	}
}

// end stops serving; after a hand-over it leaves the socket to the new copy. No change
// that is under way is broken off.
func (r *router) end(control *http.Server) error {
	r.change.Lock()
	moved := r.moved.Load()
	r.ending = true
	r.change.Unlock()
	var linger time.Duration
	var failed error
	if moved { // calls are for the new copy from now on
		linger, failed = lingerFor, r.control.Close()
	}
	failed = errors.Join(failed, r.stop(linger))
	if control != nil {
		ctx, cancel := context.WithTimeout(context.Background(), afterCut)
		defer cancel()
		if notClosed(control.Shutdown(ctx)) != nil { // calls that still wait, as drains do
			failed = errors.Join(failed, notClosed(control.Close()))
		}
		if !moved {
			failed = errors.Join(failed, os.Remove(r.config.Control))
		}
	}
	if r.lifeline != nil {
		failed = errors.Join(failed, r.lifeline.Close())
	}
	r.shared.log.Info("the router has ended", "handed over", moved)
	return failed
}

// takeLock makes this the only router of its folder. A new copy inherits the lock.
func (r *router) takeLock(heir *heir) error {
	if heir != nil {
		r.lock = heir.lock
		return nil
	}
	path := filepath.Join(r.config.State, "lock")
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("opening the router's lock: %w", err)
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return errors.Join(understudy.Errorf(understudy.KindConflict, "another router uses %s", r.config.State).
			WithHint("one router serves all fronts of a folder: use that one, or end it"), file.Close())
	}
	r.lock = file
	return nil
}

// openControl makes the control socket, which is this user's alone from its first moment.
func (r *router) openControl(ctx context.Context, heir *heir) error {
	if heir != nil {
		r.control = heir.control
		return nil
	}
	if socketAnswers(ctx, r.config.Control) {
		return understudy.Errorf(understudy.KindConflict, "another router answers at %s", r.config.Control).
			WithHint("give this one a control socket of its own")
	}
	if err := os.MkdirAll(filepath.Dir(r.config.Control), 0o700); err != nil {
		return fmt.Errorf("making the folder of the control socket: %w", err)
	}
	fresh := r.config.Control + "~"
	if err := os.RemoveAll(fresh); err != nil {
		return fmt.Errorf("removing what an earlier start left: %w", err)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "unix", fresh)
	if err != nil {
		return fmt.Errorf("opening the control socket: %w", err)
	}
	listener.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := errors.Join(os.Chmod(fresh, 0o600), os.Rename(fresh, r.config.Control)); err != nil {
		return errors.Join(fmt.Errorf("opening the control socket: %w", err), listener.Close())
	}
	r.control = listener
	return nil
}

func socketAnswers(ctx context.Context, path string) bool {
	conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "unix", path)
	if err != nil {
		return false
	}
	return conn.Close() == nil
}
