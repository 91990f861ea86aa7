package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"syscall"
	"time"

	"understudy"
	"understudy/internal/api"
	"understudy/internal/postgres"
	"understudy/internal/store"
)

// errEnding is why the background work of a daemon stops: it goes on with the next one.
var errEnding = errors.New("the daemon is ending")

// Run serves the API and goes on with what was under way, until ctx ends or somebody asks
// the daemon to end. What runs in environments goes on without it.
func (d *Daemon) Run(ctx context.Context) error {
	life, end := context.WithCancelCause(ctx)
	d.life = life
	defer end(nil)
	listener, err := d.listen()
	if err != nil {
		return err
	}
	server := &http.Server{Handler: api.Handler(d.Roles()), ReadHeaderTimeout: 10 * time.Second, BaseContext: func(net.Listener) context.Context { return life }}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	restored := make(chan struct{})
	go func() {
		defer close(restored)
		d.restore(life)
	}()
	select {
	case <-ctx.Done():
	case <-d.shutdown:
	case err = <-served:
	}
	end(errEnding)
	<-restored
	d.acts.all.Wait()
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	shut := server.Shutdown(stop)
	if errors.Is(shut, context.DeadlineExceeded) { // somebody still watches: cut off
		shut = server.Close()
	}
	return errors.Join(err, shut)
}

// Roles hands the daemon to the API in all its roles.
func (d *Daemon) Roles() api.Roles {
	return api.Roles{
		Releases: d, Environments: d, Twins: d, Rehearsals: d, Evidences: d, Verdicts: d,
		Promotions: d, Holds: d, Journal: d, Control: d,
	}
}

func (d *Daemon) listen() (net.Listener, error) {
	socket := d.options.State.Socket()
	if err := os.Remove(socket); err != nil && !errors.Is(err, os.ErrNotExist) { // ours: we have the lock
		return nil, err
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return nil, understudy.Errorf(understudy.KindUnavailable, "listening on %s: %w", socket, err)
	}
	return listener, os.Chmod(socket, 0o600)
}

// restore brings back what should be up, and goes on with what was under way. What cannot
// be brought back is noted, and does not keep the rest from it.
func (d *Daemon) restore(ctx context.Context) {
	if err := d.startRouter(ctx); err != nil {
		d.note("the router: %v", err)
	}
	all, err := store.All[standing](ctx, d.store, kindEnvironment)
	if err != nil {
		d.note("reading which environments should be up: %v", err)
	}
	for _, s := range all {
		if s.Up && s.Serving != "" {
			if err := d.bringBack(ctx, s); err != nil {
				d.note("bringing back %s: %v", s.Name, err)
			}
		}
	}
	if err := d.goOn(ctx); err != nil {
		d.note("going on with what was under way: %v", err)
	}
	if _, err := d.store.Backup(ctx); err != nil && ctx.Err() == nil {
		d.note("the store's backup: %v", err)
	}
}

func (d *Daemon) note(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	d.options.Log.Error(text)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.notes = append(d.notes, text)
}

// bringBack sees that an environment's server, its deployments and their shares are as
// they should be, whoever died: nothing is done to what still runs.
func (d *Daemon) bringBack(ctx context.Context, s standing) error {
	env, p, err := d.environment(s.Name)
	if err != nil {
		return err
	}
	if private(env) && len(p.Application.Databases) > 0 {
		var server *postgres.Cluster
		if server, err = d.server(env, p.Application, 0); err != nil {
			return err
		}
		if err := server.Start(ctx); err != nil {
			return err
		}
	}
	for _, id := range []string{s.Serving, s.Standby} {
		if id == "" {
			continue
		}
		if err := d.revive(ctx, id); err != nil && id == s.Serving {
			return err
		}
	}
	front, err := d.front(ctx, s.Name)
	if err != nil || len(front.Shares) > 0 || env.Listen == "" {
		return err
	}
	return d.serve(ctx, s.Name, map[string]int{s.Serving: 100})
}

// goOn runs every rehearsal and promotion that had not ended.
func (d *Daemon) goOn(ctx context.Context) error {
	promotions, err := d.Promotions(ctx)
	if err != nil {
		return err
	}
	for _, p := range promotions {
		if p.State.Ended() {
			continue
		}
		give, err := d.stages.take(p.To, "promotion "+p.ID)
		if err != nil {
			return err
		}
		d.carry(p.ID, give)
	}
	rehearsals, err := d.Rehearsals(ctx)
	for _, r := range rehearsals {
		if !r.State.Ended() {
			d.queue(r.On)
		}
	}
	return err
}

// startRouter sees that the router answers, and starts it where it does not. It is a
// process of its own and outlives the daemon.
func (d *Daemon) startRouter(ctx context.Context) error {
	if _, err := d.router.State(ctx); err == nil {
		return nil
	}
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

// stopRouter asks the router to end and waits until it has.
func (d *Daemon) stopRouter(ctx context.Context) error {
	state, err := d.router.State(ctx)
	if err != nil || state.PID == 0 {
		return nil // it does not run
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
