package cli_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"understudy"
	"understudy/internal/api/apitest"
	"understudy/internal/cli"
	"understudy/internal/statedir"
)

func TestACommandLeavesNothingRunning(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Run("commands", func(t *testing.T) {
		run := place(t)
		for _, args := range []string{"status", "rehearse v3", "logs production", "journal", "rehearse v3 --detach", "exec staging -- cat"} {
			run(t.Context(), strings.Fields(args)...)
		}
	})
	goleak.VerifyNone(t, before)
}

// place gives a project with a played daemon, and what runs a command there.
func place(t *testing.T) func(ctx context.Context, args ...string) (status int, out, narration string) {
	t.Helper()
	project := t.TempDir()
	if err := os.WriteFile(project+"/understudy.yaml", []byte("name: shop\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir, err := statedir.Resolve(project, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := dir.Make(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir.Run) })
	apitest.Serve(t, newStage(project).Roles(), dir.Socket(), io.Discard)
	return func(ctx context.Context, args ...string) (int, string, string) {
		var out, narration bytes.Buffer
		status := cli.Main(ctx, programs(), append([]string{"-C", project}, args...), cli.Streams{In: strings.NewReader(""), Out: &out, Err: &narration})
		return status, out.String(), narration.String()
	}
}

// full is a disk, or a reader who has gone.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestAResultThatCannotBeWrittenIsAnError(t *testing.T) {
	var narration bytes.Buffer
	status := cli.Main(t.Context(), programs(), []string{"version"}, cli.Streams{In: strings.NewReader(""), Out: full{}, Err: &narration})
	if status != understudy.ExitError || narration.String() != "error: writing the result: no space left on device\n" {
		t.Errorf("status %d: %s", status, narration.String())
	}
}
