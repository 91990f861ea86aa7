// Program is everything that a daemon starts, and the daemon itself where it is to be
// killed: supervisors, the router, the probe. It is built as understudy is, without the race
// detector, whose word nobody would hear in a process that is killed; their rooms' own tests,
// and every daemon inside a test, are watched by it.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"understudy"
	"understudy/internal/daemon"
	"understudy/internal/rehearsal"
	"understudy/internal/statedir"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	err := play(ctx, os.Args[1], os.Args[2:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(understudy.ExitStatus(err))
}

func play(ctx context.Context, part string, args []string) error {
	switch part {
	case "supervise":
		return daemon.Supervise(ctx, os.Stdin)
	case "probe":
		return daemon.Probe(ctx, os.Stdout)
	case "router":
		return daemon.Route(ctx, args[1], args[3], os.Stderr)
	case "serve": // as a unit has it
		return serve(ctx, args[1], args[3])
	case "daemon":
		return serve(ctx, args[0], "")
	}
	return fmt.Errorf("there is no part %q", part)
}

// serve is a daemon whose rehearsals look for a short time only, as those inside tests.
func serve(ctx context.Context, project, state string) error {
	place, err := statedir.Resolve(project, state)
	if err != nil {
		return err
	}
	executable, err := os.Executable()
	if err != nil {
		return err
	}
	return daemon.Serve(ctx, daemon.Options{
		Project: project, State: place, Executable: executable, Version: "test",
		Log:    slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
		Timing: rehearsal.Timing{Warm: 300 * time.Millisecond, Watch: 600 * time.Millisecond},
	})
}
