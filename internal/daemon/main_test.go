package daemon_test

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"understudy"
	"understudy/internal/daemon"
	"understudy/internal/rehearsal"
	"understudy/internal/statedir"
)

// app is the program under test, built once for all tests.
var app string

// TestMain makes the test binary everything that the daemon starts: its supervisors, its
// router and its probe; and the daemon itself, so that it can be killed.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		if play, known := parts[os.Args[1]]; known {
			os.Exit(perform(play))
		}
	}
	os.Exit(runTests(m))
}

var parts = map[string]func(ctx context.Context, args []string) error{
	"supervise": func(ctx context.Context, _ []string) error { return daemon.Supervise(ctx, os.Stdin) },
	"probe":     func(ctx context.Context, _ []string) error { return daemon.Probe(ctx, os.Stdout) },
	"router":    func(ctx context.Context, args []string) error { return daemon.Route(ctx, args[1], args[3], os.Stderr) },
	"serve": func(ctx context.Context, args []string) error { // as a unit has it
		state, err := statedir.Resolve(args[1], args[3])
		if err != nil {
			return err
		}
		return daemon.Serve(ctx, options(args[1], state))
	},
	"daemon": func(ctx context.Context, args []string) error {
		state, err := statedir.Resolve(args[0], "")
		if err != nil {
			return err
		}
		return daemon.Serve(ctx, options(args[0], state))
	},
}

func perform(play func(context.Context, []string) error) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	err := play(ctx, os.Args[2:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	return understudy.ExitStatus(err)
}

func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("/tmp", "usapp")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	app = filepath.Join(dir, "app")
	build := exec.Command("go", "build", "-ldflags=-s -w", "-o", app, "./testdata/app")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the application under test: %v\n%s", err, out)
		return 1
	}
	if err := flag.Set("test.parallel", "4"); err != nil { // they mostly wait: for traffic, for a bake
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// options are those of a daemon whose rehearsals look for a short time only.
func options(project string, state statedir.Dir) daemon.Options {
	executable, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return daemon.Options{
		Project: project, State: state, Executable: executable, Version: "test",
		Log:    slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
		Timing: rehearsal.Timing{Warm: 300 * time.Millisecond, Watch: 600 * time.Millisecond},
	}
}
