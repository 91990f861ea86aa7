package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"

	"understudy"
	"understudy/internal/router"
	"understudy/internal/runtime/process"
	"understudy/internal/seal"
)

// The processes that this program is besides the daemon. Each outlives it.

// Supervise is the whole of `understudy supervise`: one deployment's supervisor, which
// closes the seal around itself where the deployment has one.
func Supervise(ctx context.Context, in io.Reader) error {
	return process.Supervise(ctx, in, closeSeal)
}

func closeSeal(ctx context.Context, raw json.RawMessage, publish map[string]string) (process.Sealed, error) {
	var spec seal.Spec
	if err := json.Unmarshal(raw, &spec); err != nil {
		return process.Sealed{}, understudy.Errorf(understudy.KindInvalid, "reading what to seal: %w", err)
	}
	for socket, inside := range publish {
		spec.Publish = append(spec.Publish, seal.Forward{Listen: "unix:" + socket, To: inside})
	}
	inside, err := seal.Enter(ctx, spec)
	if err != nil {
		return process.Sealed{}, err
	}
	return process.Sealed{Env: inside.Env(), Stop: inside.Close}, nil
}

// Probe is the whole of `understudy probe`: it sends the seal's canaries from where it
// runs, and prints those that got out, a line each. None means that the seal holds; any is
// an error of KindFailed.
func Probe(ctx context.Context, out io.Writer) error {
	leaks := seal.Probe(ctx)
	for _, leak := range leaks {
		if _, err := fmt.Fprintf(out, "%s to %s: %s\n", leak.Canary, leak.To, leak.Found); err != nil {
			return err
		}
	}
	if len(leaks) > 0 {
		return understudy.Errorf(understudy.KindFailed, "%d canaries got out", len(leaks))
	}
	return nil
}

// Route is the whole of `understudy router`: the front door.
func Route(ctx context.Context, state, control string, log io.Writer) error {
	return router.Run(ctx, router.Config{State: state, Control: control, Log: slog.New(slog.NewJSONHandler(log, nil))})
}

// Serve is the whole of `understudy serve`: the daemon, until ctx ends or it is asked to.
func Serve(ctx context.Context, options Options) error {
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
