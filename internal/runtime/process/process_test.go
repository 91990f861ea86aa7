package process_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"understudy/internal/runtime/process"
	"understudy/internal/runtime/runtimetest"
)

func TestMain(m *testing.M) {
	runtimetest.Act()
	if len(os.Args) > 1 {
		var err error
		switch os.Args[1] {
		case "supervise":
			err = process.Supervise(context.Background(), os.Stdin, process.Hooks{Flags: serveWord})
		case "start":
			err = startOnce()
		default:
			os.Exit(m.Run())
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// startOnce is a starter that exits: it starts what its input says.
func startOnce() error {
	var told struct {
		Runtime process.Runtime
		Spec    process.Spec
	}
	raw, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, &told); err != nil {
		return err
	}
	return told.Runtime.Start(context.Background(), told.Spec)
}

func newRuntime(t *testing.T) *process.Runtime {
	t.Helper()
	folder, err := os.MkdirTemp("/tmp", "us")
	if err != nil {
		t.Fatal(err)
	}
	r := &process.Runtime{Run: filepath.Join(folder, "run"), LogDir: filepath.Join(folder, "logs"), Supervisor: []string{"/usr/bin/env", "GORACE=atexit_sleep_ms=0", os.Args[0], "supervise"}}
	t.Cleanup(func() {
		ids, err := r.List(context.Background())
		for _, id := range ids {
			t.Errorf("deployment %s still runs", id)
			_ = r.Stop(context.Background(), id)
		}
		if err != nil {
			t.Error(err)
		}
		_ = os.RemoveAll(folder)
	})
	return r
}

// adapter speaks the suite's words.
type adapter struct{ *process.Runtime }

func specOf(d runtimetest.Deployment) process.Spec {
	spec := process.Spec{ID: d.ID, Environment: "staging", Label: "v1", Tree: d.Tree, Artifact: d.Artifact}
	for _, p := range d.Programs {
		spec.Programs = append(spec.Programs, process.Program{Name: p.Name, Service: p.Service, Command: p.Command, Env: p.Env,
			User: p.User, Port: p.Port, Health: p.Health, Grace: p.Grace})
	}
	return spec
}

func (a adapter) Start(ctx context.Context, d runtimetest.Deployment) error {
	return a.Runtime.Start(ctx, specOf(d))
}

func (a adapter) Status(ctx context.Context, id string) ([]runtimetest.State, error) {
	status, err := a.Runtime.Status(ctx, id)
	var out []runtimetest.State
	for _, p := range status.Programs {
		out = append(out, runtimetest.State{Name: p.Name, PID: p.PID, State: string(p.State), Restarts: p.Restarts, Genuine: p.Genuine, Address: p.Address})
	}
	return out, err
}

func (a adapter) Exec(ctx context.Context, id, user string, args []string, stdin io.Reader, stdout, stderr io.Writer) (int, error) {
	return a.Runtime.Exec(ctx, id, process.Command{Args: args, User: user}, stdin, stdout, stderr)
}

func TestRuntime_KeepsItsPromises(t *testing.T) {
	var current *process.Runtime
	runtimetest.Run(t, func(t *testing.T) runtimetest.Runtime {
		current = newRuntime(t)
		return adapter{current}
	}, runtimetest.Capabilities{
		Genuine: process.ReadsBack, Strays: process.ReadsBack, SamePaths: true,
		StartElsewhere: func(t *testing.T, d runtimetest.Deployment) {
			t.Helper()
			cmd := exec.Command(os.Args[0], "start")
			stdin, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			cmd.Stderr = os.Stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if err := json.NewEncoder(stdin).Encode(map[string]any{"Runtime": map[string]any{"Run": current.Run, "LogDir": current.LogDir, "Supervisor": current.Supervisor}, "Spec": specOf(d)}); err != nil {
				t.Fatal(err)
			}
			if err := stdin.Close(); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err != nil {
				t.Fatal(err)
			}
		},
	})
}
