package daemon

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"time"

	"understudy"
	"understudy/internal/api"
	"understudy/internal/systemd"
)

// errEnding is why the background work of a daemon stops: it goes on with the next one.
var errEnding = errors.New("the daemon is ending")

// Run serves the API and goes on with what was under way, until ctx ends or somebody asks
// the daemon to end. What runs in environments goes on without it.
func (d *Daemon) Run(ctx context.Context) error {
	life, end := context.WithCancelCause(ctx)
	d.life = life
	defer end(nil)
	if err := d.reconcile(ctx); err != nil {
		d.cry(ctx, err)
		return err
	}
	if _, err := d.whereNewsBegin(ctx); err != nil { // before anything can be written that is news
		return err
	}
	listener, err := d.listen()
	if err != nil {
		return err
	}
	if err := errors.Join(d.begin(ctx), systemd.Ready(false)); err != nil {
		return errors.Join(err, listener.Close())
	}
	server := &http.Server{Handler: api.Handler(d.Roles()), ReadHeaderTimeout: 10 * time.Second, BaseContext: func(net.Listener) context.Context { return life }, ConnContext: withPeer}
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
	return errors.Join(err, shut, d.ended(ctx))
}

// Roles hands the daemon to the API in all its roles.
func (d *Daemon) Roles() api.Roles {
	return api.Roles{
		Releases: d, Environments: d, Doors: d, Twins: d, Parities: d, Proofs: d, Rehearsals: d, Evidences: d, Verdicts: d,
		Promotions: d, Decisions: d, Holds: d, Policies: d, Configurations: d, Approvals: d, Journal: d, Control: d, Notifications: d, Flags: d, Gauges: d.gauges(),
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

// restore goes on with what was under way, and then tends what should be up for as long as
// the daemon runs.
func (d *Daemon) restore(ctx context.Context) {
	if err := d.noteChannels(ctx); err != nil {
		d.note("notifications", "reading which notifications have not arrived: %v", err)
	}
	d.acts.begin(ctx, "news", d.followJournal)
	d.acts.begin(ctx, "notifications", d.postman.Run)
	if err := d.startRouter(ctx); err != nil {
		d.note("the router", "bringing back the router: %v", err)
	}
	d.acts.begin(ctx, "router", d.keepRouter)
	d.acts.begin(ctx, "likeness", d.keepMeasuring)
	d.tendOnce(ctx)
	if err := d.goOn(ctx); err != nil && ctx.Err() == nil {
		d.note("going on", "going on with what was under way: %v", err)
	}
	if _, err := d.store.Backup(ctx); err != nil && ctx.Err() == nil {
		d.note("backup", "the store's backup: %v", err)
	}
	d.tend(ctx)
}

// goOn runs every rehearsal and promotion that had not ended, with what people asked of them
// and nobody had written down.
func (d *Daemon) goOn(ctx context.Context) error {
	wishes, err := d.wishes()
	if err != nil {
		return err
	}
	return errors.Join(d.goOnPromoting(ctx, wishes), d.goOnRehearsing(ctx, wishes))
}
