package daemon_test

import (
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"understudy/internal/daemon"
	"understudy/internal/rehearsal"
	"understudy/internal/statedir"
)

// The programs that tests run, built once for all of them.
var (
	app     string // the application
	program string // what daemons start, and a daemon that can be killed
)

func TestMain(m *testing.M) { os.Exit(runTests(m)) }

func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("/tmp", "usapp")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	app, program = filepath.Join(dir, "app"), filepath.Join(dir, "program")
	build := exec.Command("go", "build", "-ldflags=-s -w", "-o", dir, "./testdata/app", "./testdata/program")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the application and the program under test: %v\n%s", err, out)
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
	return daemon.Options{
		Project: project, State: state, Executable: program, Version: "test",
		Log:    slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
		Timing: rehearsal.Timing{Warm: 300 * time.Millisecond, Watch: 600 * time.Millisecond},
	}
}
