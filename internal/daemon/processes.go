package daemon

import (
	"context"
	"io"
	"log/slog"

	"golang.org/x/sys/unix"

	"understudy/internal/router"
	"understudy/internal/supervisor"
	"understudy/internal/systemd"
)

// The processes that this program is besides the daemon. Each outlives it.

// Supervise is the whole of `understudy supervise`: one deployment's supervisor, which
// closes the seal around itself where the deployment has one.
func Supervise(ctx context.Context, in io.Reader) error { return supervisor.Run(ctx, in) }

// Probe is the whole of `understudy probe`, run inside a seal: it sends the canaries and
// writes which of them got out.
func Probe(ctx context.Context, out io.Writer) error { return supervisor.Probe(ctx, out) }

// Route is the whole of `understudy router`: the front door.
func Route(ctx context.Context, state, control string, log io.Writer) error {
	return router.Run(ctx, router.Config{State: state, Control: control, Log: slog.New(slog.NewJSONHandler(log, nil)),
		Ready: func() error { return systemd.Ready(true) }})
}

// Serve is the whole of `understudy serve`: the daemon, until ctx ends or it is asked to.
func Serve(ctx context.Context, options Options) error {
	unix.Umask(0o022) // what it starts inherits it, and must not depend on whoever typed the command
	d, err := Open(ctx, options)
	if err != nil {
		return err
	}
	err = d.Run(ctx)
	if closeErr := d.Close(); err == nil {
		err = closeErr
	}
	return err
}
