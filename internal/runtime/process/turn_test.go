package process_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"understudy"
	"understudy/internal/runtime/process"
)

// worker is a deployment of a program that takes turns, beside one that does not. A worker
// that finds another one at work leaves a mark.
func worker(t *testing.T, r *process.Runtime, id, shared string, held bool) process.Spec {
	t.Helper()
	spec := shell(t, r, "sleep 1000")
	spec.ID = id
	// It may be ended in its first moment, when it has taken its turn and nothing else.
	script := `trap 'rmdir "$0/busy"; exit 0' TERM; mkdir "$0/busy" || { touch "$0/both"; exit 1; }; while :; do sleep 0.02; done`
	spec.Programs = append(spec.Programs, process.Program{
		Name: "worker", Command: []string{"sh", "-c", script, shared}, Held: held,
		Health: understudy.Health{Interval: 20_000_000}, Grace: 10 * time.Second,
	})
	return spec
}

func TestHold_LetsOneOfTwoDeploymentsWorkAtATime(t *testing.T) {
	r, shared := newRuntime(t), t.TempDir()
	old, fresh := worker(t, r, "old", shared, false), worker(t, r, "fresh", shared, true)
	defer func() {
		for _, id := range []string{"old", "fresh"} {
			if err := r.Stop(t.Context(), id); err != nil {
				t.Error(err)
			}
		}
	}()
	startReady(t, r, old)
	if got := state(startReady(t, r, fresh)); got != "web healthy, worker held" {
		t.Fatalf("the second one is ready with %s", got)
	}
	from, to := "old", "fresh"
	for range 5 {
		held, err := r.Hold(t.Context(), from, []string{"worker", "nobody"})
		if err != nil || !slices.Equal(held, []string{"worker"}) {
			t.Fatalf("held %v, %v", held, err)
		}
		if _, err := os.Stat(filepath.Join(shared, "busy")); err == nil {
			t.Fatal("it still works after it was held")
		}
		let, err := r.Let(t.Context(), to, []string{"worker"})
		if err != nil || !slices.Equal(let, []string{"worker"}) {
			t.Fatalf("let %v, %v", let, err)
		}
		if err := r.Ready(t.Context(), to); err != nil {
			t.Fatal(err)
		}
		for id, want := range map[string]string{from: "web healthy, worker held", to: "web healthy, worker healthy"} {
			status, err := r.Status(t.Context(), id)
			if err != nil || state(status) != want {
				t.Errorf("%s has %s, want %s; %v", id, state(status), want, err)
			}
		}
		for _, again := range []func() ([]string, error){
			func() ([]string, error) { return r.Hold(t.Context(), from, []string{"worker"}) },
			func() ([]string, error) { return r.Let(t.Context(), to, []string{"worker"}) },
		} {
			if moved, err := again(); err != nil || len(moved) > 0 {
				t.Errorf("a second time it moves %v, %v", moved, err)
			}
		}
		from, to = to, from
	}
	until(t, "its worker is at work", func() bool {
		_, err := os.Stat(filepath.Join(shared, "busy"))
		return err == nil
	})
	if _, err := os.Stat(filepath.Join(shared, "both")); err == nil {
		t.Error("both worked at once")
	}
	if _, err := r.Hold(t.Context(), "nowhere", []string{"worker"}); understudy.KindOf(err) != understudy.KindNotFound {
		t.Errorf("holding what does not run: %v", err)
	}
}

func TestLet_BearsThatItsPredecessorsLockIsFreedLate(t *testing.T) {
	r := newRuntime(t)
	for _, c := range []struct {
		lives string // that find the lock taken
		well  bool
		look  time.Duration // the age at which one that still runs is well
	}{{"3", true, 300 * time.Millisecond}, {"9", false, time.Minute}} {
		spec := shell(t, r, "sleep 1000")
		spec.ID = "late" + c.lives
		script := `echo >> "$0"; [ $(wc -l < "$0") -gt ` + c.lives + ` ] || { echo another is at work; exit 1; }; sleep 1000`
		spec.Programs = append(spec.Programs, process.Program{
			Name: "worker", Command: []string{"sh", "-c", script, filepath.Join(t.TempDir(), "lives")}, Held: true,
			Health: understudy.Health{Interval: c.look}, Grace: spec.Programs[0].Grace,
		})
		startReady(t, r, spec)
		if _, err := r.Let(t.Context(), spec.ID, []string{"worker"}); err != nil {
			t.Fatal(err)
		}
		err := r.Ready(t.Context(), spec.ID)
		if c.well && err != nil {
			t.Errorf("after %s lives that found the lock taken: %v", c.lives, err)
		}
		if !c.well && (understudy.KindOf(err) != understudy.KindFailed || !strings.Contains(err.Error(), "another is at work")) {
			t.Errorf("one that never gets its lock: %v", err)
		}
		if err := r.Stop(t.Context(), spec.ID); err != nil {
			t.Error(err)
		}
	}
}

// state is what each program does.
func state(s process.Status) string {
	out := ""
	for _, p := range s.Programs {
		if out != "" {
			out += ", "
		}
		out += p.Name + " " + string(p.State)
	}
	return out
}

func TestStatus_TellsWhatAllProcessesUse(t *testing.T) {
	r := newRuntime(t)
	spec := shell(t, r, `(while :; do :; done) & sleep 1000`)
	startReady(t, r, spec)
	until(t, "processor time is told", func() bool {
		status, err := r.Status(t.Context(), spec.ID)
		if err != nil {
			t.Fatal(err)
		}
		return !process.ReadsBack || status.CPU > 200_000_000 && status.Memory > 500_000
	})
}
