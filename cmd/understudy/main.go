// Command understudy rehearses every release on a twin of production before it opens.
package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"runtime/debug"

	"understudy/internal/alone"
	"understudy/internal/cli"
	"understudy/internal/daemon"
	"understudy/internal/seal"
	"understudy/internal/statedir"
	"understudy/internal/yield"
)

func main() {
	programs := cli.Programs{
		Version: version(), Serve: serve, Supervise: daemon.Supervise, Router: daemon.Route, Probe: daemon.Probe, CopyTwin: alone.CopyTwin, Apart: yield.Apart,
		RehearseMigration: alone.RehearseMigration, MaskPlan: alone.MaskPlan, MaskDiff: alone.MaskDiff, Tidy: alone.Tidy, Seal: seal.Supported,
	}
	os.Exit(cli.Main(context.Background(), programs, os.Args[1:], cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
}

func serve(ctx context.Context, project string, state statedir.Dir, log io.Writer) error {
	executable, err := os.Executable()
	if err != nil {
		return err
	}
	return daemon.Serve(ctx, daemon.Options{
		Project: project, State: state, Executable: executable, Version: version(), Log: slog.New(slog.NewTextHandler(log, nil)),
	})
}

// version is the revision that the program was built from, where the build knows it.
func version() string {
	info, known := debug.ReadBuildInfo()
	if !known {
		return "unknown"
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" && len(setting.Value) >= 12 {
			return setting.Value[:12]
		}
	}
	return info.Main.Version
}
