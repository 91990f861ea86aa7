// Command understudy rehearses every release on a twin of production before it opens.
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"understudy"
	"understudy/internal/daemon"
	"understudy/internal/statedir"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		if hint := understudy.HintOf(err); hint != "" {
			fmt.Fprintln(os.Stderr, "hint:", hint)
		}
	}
	os.Exit(understudy.ExitStatus(err))
}

func run(ctx context.Context, args []string) error {
	switch args[0] {
	case "supervise":
		return daemon.Supervise(ctx, os.Stdin)
	case "probe":
		return daemon.Probe(ctx, os.Stdout)
	case "router":
		return daemon.Route(ctx, args[2], args[4], os.Stderr)
	}
	return serve(ctx, args[1], os.Stderr)
}

func serve(ctx context.Context, project string, log io.Writer) error {
	state, err := statedir.Resolve(project, "")
	if err != nil {
		return err
	}
	executable, err := os.Executable()
	if err != nil {
		return err
	}
	return daemon.Serve(ctx, daemon.Options{
		Project: project, State: state, Executable: executable, Version: "0.1", Log: slog.New(slog.NewTextHandler(log, nil)),
	})
}
