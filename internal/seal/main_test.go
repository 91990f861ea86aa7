//go:build linux

package seal

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

const scenarioKey = "SEAL_TEST_SCENARIO"

// scenarios run inside a sealed namespace, in a process of their own.
var scenarios = map[string]func(context.Context, Spec) error{
	"calls":     scenarioCalls,
	"mail":      scenarioMail,
	"database":  scenarioDatabase,
	"published": scenarioPublished,
	"names":     scenarioNames,
	"probe":     scenarioProbe,
	"resolver":  scenarioResolver,
	"rights":    scenarioRights,
	"reopen":    scenarioReopen,
	"limits":    scenarioLimits,
}

func TestMain(m *testing.M) {
	name := os.Getenv(scenarioKey)
	switch {
	case name == "":
		os.Exit(m.Run())
	case os.Getenv(outsideKey) == "":
		os.Exit(goInside())
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if err := play(ctx, name); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func play(ctx context.Context, name string) error {
	var spec Spec
	if err := json.NewDecoder(os.Stdin).Decode(&spec); err != nil {
		return err
	}
	return scenarios[name](ctx, spec)
}

// goInside starts this binary again behind Isolate, as the user it runs as.
func goInside() int {
	cmd := exec.Command(os.Args[0])
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := Isolate(cmd)
	if err == nil {
		err = cmd.Run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "outer:", err)
		return 1
	}
	return 0
}

// stage is the folder of one test and who runs inside.
type stage struct {
	t      *testing.T
	folder string
	nobody bool
	Spec
}

// asEverybody runs a claim as the user of the test, and for root as an ordinary user too.
func asEverybody(t *testing.T, claim func(*testing.T, *stage)) {
	if err := Supported(); err != nil {
		t.Fatal(err)
	}
	t.Run("self", func(t *testing.T) { claim(t, newStage(t, false)) })
	if os.Geteuid() == 0 {
		t.Run("nobody", func(t *testing.T) { claim(t, newStage(t, true)) })
	}
}

func newStage(t *testing.T, nobody bool) *stage {
	t.Helper()
	folder, err := os.MkdirTemp("/tmp", "us")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(folder); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(folder, 0o777); err != nil {
		t.Fatal(err)
	}
	return &stage{t: t, folder: folder, nobody: nobody, Spec: Spec{
		Captures: filepath.Join(folder, "captures.jsonl"), CA: filepath.Join(folder, "ca")}}
}

func (s *stage) path(name string) string { return filepath.Join(s.folder, name) }

// start starts a scenario inside and returns how to wait for its end.
func (s *stage) start(name string) (wait func() error) {
	s.t.Helper()
	self, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	if s.nobody {
		self = s.copyOf(self)
	}
	cmd := exec.CommandContext(s.t.Context(), self)
	cmd.Env = append(os.Environ(), scenarioKey+"="+name, "GORACE=atexit_sleep_ms=0")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if s.nobody {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: 65534, Gid: 65534}
	}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	output := &tailBuffer{}
	cmd.Stdout, cmd.Stderr = output, output
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	if err := json.NewEncoder(stdin).Encode(s.Spec); err != nil {
		s.t.Fatal(err)
	}
	return func() error {
		closeErr := stdin.Close()
		if err := cmd.Wait(); err != nil {
			return fmt.Errorf("scenario %s: %w\n%s", name, err, output.text)
		}
		return closeErr
	}
}

func (s *stage) play(name string) {
	s.t.Helper()
	if err := s.start(name)(); err != nil {
		s.t.Fatal(err)
	}
}

type tailBuffer struct{ text []byte }

func (b *tailBuffer) Write(p []byte) (int, error) {
	b.text = append(b.text, p...)
	return len(p), nil
}

// copyOf is a copy of this binary that everybody may run.
func (s *stage) copyOf(path string) string {
	s.t.Helper()
	from, err := os.Open(path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer from.Close()
	to, err := os.OpenFile(s.path("seal.test"), os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := io.Copy(to, from); err != nil {
		s.t.Fatal(err)
	}
	if err := to.Close(); err != nil {
		s.t.Fatal(err)
	}
	return to.Name()
}

func (s *stage) captured(kind string) []Capture {
	s.t.Helper()
	all, err := Read(s.Captures, time.Time{})
	if err != nil {
		s.t.Fatal(err)
	}
	var out []Capture
	for _, c := range all {
		if c.Kind == kind {
			out = append(out, c)
		}
	}
	return out
}
