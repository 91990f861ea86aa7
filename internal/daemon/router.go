package daemon

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"understudy"
)

// frontDoor is whether the router should run. Who starts or stops it holds the lock.
type frontDoor struct {
	mu      sync.Mutex
	wanted  bool
	service string // that it is of this machine: somebody else starts it; empty: none
}

// routerLook is the time between two looks at whether the router still answers.
const routerLook = 250 * time.Millisecond

// renewLook is the time between two looks at whether the router is of this version.
const renewLook = 5 * time.Second

// startRouter sees that the router answers, and starts it where it does not. It is a
// process of its own and outlives the daemon.
func (d *Daemon) startRouter(ctx context.Context) error {
	d.frontDoor.mu.Lock()
	defer d.frontDoor.mu.Unlock()
	d.frontDoor.wanted = true
	if _, err := d.router.State(ctx); err == nil {
		return nil
	}
	if d.frontDoor.service != "" {
		return d.awaitRouter(ctx)
	}
	return d.launchRouter(ctx)
}

// routerWait is how long a router that is a service may take to answer.
const routerWait = 30 * time.Second

// awaitRouter waits for a router that somebody else starts.
func (d *Daemon) awaitRouter(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, routerWait)
	defer cancel()
	for {
		_, err := d.router.State(ctx)
		if err == nil {
			return nil
		}
		if (clock{}).Wait(ctx, 50*time.Millisecond) != nil {
			return understudy.Errorf(understudy.KindUnavailable, "the router is a service of this machine, %s, and does not answer: %w", d.frontDoor.service, err).
				WithHint("start it: systemctl start %s", d.frontDoor.service)
		}
	}
}

// keepRouter starts the router again when it has died, until ctx ends: nothing else would,
// and without it nobody is served. Its own state file tells it whom it served.
func (d *Daemon) keepRouter(ctx context.Context) {
	var looked time.Time
	for (clock{}).Wait(ctx, routerLook) == nil {
		if now := time.Now(); now.Sub(looked) >= renewLook {
			looked = now
			if err := d.renewRouter(ctx); err != nil && ctx.Err() == nil {
				d.options.Log.Warn("the router is still of another version; it is tried again", "error", err)
			}
			if err := d.tellExpiring(ctx); err != nil && ctx.Err() == nil {
				d.options.Log.Warn("writing down that a certificate runs out; it is tried again", "error", err)
			}
		}
		if err := d.mendRouter(ctx); err != nil && ctx.Err() == nil {
			d.options.Log.Error("the router died and could not be started again; it is tried again", "error", err)
		}
	}
}

func (d *Daemon) mendRouter(ctx context.Context) error {
	d.frontDoor.mu.Lock()
	defer d.frontDoor.mu.Unlock()
	if !d.frontDoor.wanted {
		return nil
	}
	state, err := d.router.State(ctx)
	if err == nil {
		d.noteRouter(state)
		return nil
	}
	if ctx.Err() != nil {
		return nil
	}
	record := func() error {
		return recorder{d, "understudy"}.Record(ctx, "router.restarted", "router", err.Error(), nil)
	}
	if d.frontDoor.service != "" {
		if err := d.awaitRouter(ctx); err != nil {
			return err
		}
		return record()
	}
	if err := record(); err != nil {
		return err
	}
	return d.launchRouter(ctx)
}

func (d *Daemon) launchRouter(ctx context.Context) error {
	log, err := os.OpenFile(d.options.State.Below("logs", "router.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // the router has its own
	cmd := exec.Command(d.options.Executable, "router", "--state", d.options.State.Below("router"), "--control", d.options.State.RouterSocket())
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "starting the router: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }() // until the router ends, whoever does first
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		if _, err = d.router.State(ctx); err == nil {
			return nil
		}
		select {
		case <-ended:
			return understudy.Errorf(understudy.KindUnavailable, "the router ended at once").WithHint("see %s", log.Name())
		default:
		}
		if (clock{}).Wait(ctx, 20*time.Millisecond) != nil {
			return understudy.Errorf(understudy.KindUnavailable, "the router does not answer: %w", err).WithHint("see %s", log.Name())
		}
	}
}

// stopRouter asks the router to end and waits until it has. One that is a service closes all
// of its front doors instead.
func (d *Daemon) stopRouter(ctx context.Context) error {
	d.frontDoor.mu.Lock()
	defer d.frontDoor.mu.Unlock()
	d.frontDoor.wanted = false
	defer d.notes.set(routerItself, "")
	state, err := d.router.State(ctx)
	if err != nil || state.PID == 0 {
		return nil // it does not run
	}
	if d.frontDoor.service != "" { // it would be started again: it goes on without a front door
		for _, f := range state.Fronts {
			if err := d.router.Close(ctx, f.Name); err != nil {
				return err
			}
		}
		return nil
	}
	if err := syscall.Kill(state.PID, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		if _, err := d.router.State(ctx); err != nil {
			return nil
		}
		if err := (clock{}).Wait(ctx, 20*time.Millisecond); err != nil {
			return understudy.Errorf(understudy.KindUnavailable, "the router (process %d) does not end", state.PID)
		}
	}
}
