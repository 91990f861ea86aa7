package process_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"understudy"
	"understudy/internal/runtime/process"
)

// shell is a deployment of one script that needs no artifact.
func shell(t *testing.T, r *process.Runtime, script string) process.Spec {
	t.Helper()
	spec := process.Spec{ID: "shell", Tree: t.TempDir(), Programs: []process.Program{{Name: "web", Command: []string{"sh", "-c", script},
		Env: []string{"API_TOKEN=sk_live_12345678"}, Health: understudy.Health{Interval: 20 * time.Millisecond}, Grace: time.Second}}}
	t.Cleanup(func() {
		if err := r.Stop(context.Background(), spec.ID); err != nil {
			t.Error(err)
		}
	})
	return spec
}

func startReady(t *testing.T, r *process.Runtime, spec process.Spec) process.Status {
	t.Helper()
	if err := r.Start(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	if err := r.Ready(t.Context(), spec.ID); err != nil {
		t.Fatal(err)
	}
	status, err := r.Status(t.Context(), spec.ID)
	if err != nil {
		t.Fatal(err)
	}
	return status
}

func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for !holds() {
		select {
		case <-ctx.Done():
			t.Fatal("never came: ", what)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func isGone(pid int) bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) || isZombie(pid) }

// isZombie tells of a process that ended and whose new parent has not noticed yet.
func isZombie(pid int) bool {
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && bytes.Contains(raw, []byte(") Z "))
}

func TestStart_BeginsAnewAfterTheSupervisorWasKilled(t *testing.T) {
	if !process.ReadsBack {
		return
	}
	r := newRuntime(t)
	file := filepath.Join(t.TempDir(), "pid")
	spec := shell(t, r, "sh -c 'echo $$ > "+file+".new; mv "+file+".new "+file+"; exec sleep 1000' & wait")
	first := startReady(t, r, spec)
	var grandchild int
	until(t, "the grandchild's number", func() bool {
		raw, err := os.ReadFile(file)
		if err != nil {
			return false
		}
		grandchild, err = strconv.Atoi(strings.TrimSpace(string(raw)))
		return err == nil
	})
	if err := syscall.Kill(first.Supervisor, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	// The program ends with the thread that started it, and the other threads may still answer then.
	until(t, "the end of the program with its supervisor", func() bool { return isGone(first.Programs[0].PID) && isGone(first.Supervisor) })
	if _, err := r.Status(t.Context(), spec.ID); understudy.KindOf(err) != understudy.KindNotFound {
		t.Errorf("status of a dead supervisor: %v", err)
	}
	if isGone(grandchild) {
		t.Fatal("the grandchild should have lived on: this test shows nothing")
	}
	second := startReady(t, r, spec)
	if !isGone(grandchild) {
		t.Error("a grandchild of the first life lives on")
	}
	if second.Supervisor == first.Supervisor {
		t.Error("the supervisor is the same")
	}
}

func TestSupervisor_EndsItsProgramsOnSIGTERM(t *testing.T) {
	r := newRuntime(t)
	status := startReady(t, r, shell(t, r, "exec sleep 1000"))
	if err := syscall.Kill(status.Supervisor, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	until(t, "the end of supervisor and program", func() bool { return isGone(status.Supervisor) && isGone(status.Programs[0].PID) })
}

func TestStart_LeavesAStrangerWithARecycledNumberAlone(t *testing.T) {
	r := newRuntime(t)
	spec := shell(t, r, "exec sleep 1000")
	folder := filepath.Join(r.Run, spec.ID)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		t.Fatal(err)
	}
	self := strconv.Itoa(os.Getpid())
	record := `{"id":"shell","boot":"` + strings.TrimSpace(string(boot)) + `","supervisor":{"pid":` + self + `,"started":"1"},"sessions":[{"program":"web","pid":` + self + `,"started":"1"}]}`
	if err := os.WriteFile(filepath.Join(folder, "supervisor.json"), []byte(record), 0o600); err != nil {
		t.Fatal(err)
	}
	startReady(t, r, spec) // would end this very test otherwise
}

func TestStart_WritesNoSecretToDiskNorToArguments(t *testing.T) {
	r := newRuntime(t)
	status := startReady(t, r, shell(t, r, "exec sleep 1000"))
	for _, root := range []string{r.Run, r.LogDir} {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return err
			}
			raw, err := os.ReadFile(path)
			if bytes.Contains(raw, []byte("sk_live")) {
				t.Errorf("%s holds a secret", path)
			}
			info, statErr := entry.Info()
			if statErr == nil && info.Mode().Perm() != 0o600 {
				t.Errorf("%s has mode %v", path, info.Mode())
			}
			return errors.Join(err, statErr)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(status.Supervisor) + "/cmdline")
	if err != nil || bytes.Contains(raw, []byte("sk_live")) {
		t.Errorf("the supervisor's arguments: %q, %v", raw, err)
	}
	if info, err := os.Stat(filepath.Join(r.Run, "shell", "control.sock")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the control socket: %v, %v", info, err)
	}
}

func TestEnvironment_IsWhatWasGivenAndLittleElse(t *testing.T) {
	t.Setenv("DAEMON_SECRET", "hunter22")
	r := newRuntime(t)
	spec := shell(t, r, "exec env")
	spec.Programs[0].Health.Interval = time.Minute
	if err := r.Start(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	if err := r.Ready(t.Context(), spec.ID); err == nil {
		t.Fatal("a program that ends was ready")
	}
	var out bytes.Buffer
	if err := r.Logs(t.Context(), spec.ID, "web", false, &out); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		key, _, _ := strings.Cut(line, "=")
		switch key {
		case "API_TOKEN", "PATH", "HOME", "LANG", "PWD", "SHLVL", "_", "OLDPWD": // the last four are the shell's own
		default:
			t.Errorf("found %q", key)
		}
	}
}

func TestStart_WorksBelowALongPath(t *testing.T) {
	if !process.ReadsBack {
		return
	}
	r := newRuntime(t)
	r.Run = filepath.Join(r.Run, strings.Repeat("long", 30))
	startReady(t, r, shell(t, r, "exec sleep 1000"))
	if err := r.Stop(t.Context(), "shell"); err != nil {
		t.Fatal(err)
	}
}

func TestStart_RefusesASealItCannotClose(t *testing.T) {
	r := newRuntime(t)
	spec := shell(t, r, "exec sleep 1000")
	spec.Seal = []byte(`{}`)
	if err := r.Start(t.Context(), spec); understudy.KindOf(err) != understudy.KindUnavailable {
		t.Fatalf("found %v", err)
	}
}

func TestStart_SaysWhatASupervisorThatCannotRunSaid(t *testing.T) {
	r := newRuntime(t)
	spec := shell(t, r, "exec sleep 1000")
	r.Supervisor = []string{"/bin/sh", "-c", "echo no room here >&2; exit 3"}
	err := r.Start(t.Context(), spec)
	if err == nil || !strings.Contains(err.Error(), "no room here") {
		t.Fatalf("found %v", err)
	}
}
