package daemon_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"understudy"
	"understudy/internal/api"
	"understudy/internal/api/client"
	"understudy/internal/daemon"
	"understudy/internal/loopback"
	"understudy/internal/statedir"
)

// house is one project with its own state directory, ports and daemon.
type house struct {
	project    string
	state      statedir.Dir
	production string // addresses of the front doors
	staging    string
	payments   string // addresses of the world outside
	mail       string
	*client.Client
	second  string            // declares a database more
	flags   map[string]string // what releases declare, by version
	program string            // the daemon's, where it is a process of its own; empty: this one
	environ []string          // more, for a daemon that is a process of its own
	pid     int               // of a daemon that is a process of its own
	end     func()            // ends the daemon that runs, and waits until it has
	log     *bytes.Buffer     // of the last daemon process
}

// tryFor bounds everything that a test waits for, on a machine that has much else to do.
const tryFor = 5 * time.Minute

func limited(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), tryFor)
	t.Cleanup(cancel)
	return ctx
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		if hint := understudy.HintOf(err); hint != "" {
			t.Fatalf("%v (hint: %s)", err, hint)
		}
		t.Fatal(err)
	}
}

// newHouse makes a project. No daemon runs yet.
func newHouse(t *testing.T) *house {
	t.Helper()
	project, err := os.MkdirTemp("/tmp", "us")
	check(t, err)
	check(t, os.Chmod(project, 0o755)) // the database runs as another user
	h := &house{project: project, production: freeAddress(t), staging: freeAddress(t), payments: freeAddress(t), mail: freeAddress(t), end: func() {}}
	h.state, err = statedir.Resolve(project, "")
	check(t, err)
	h.Client = client.New(h.state.Socket())
	h.write(t, "understudy.yaml", h.yaml())
	h.write(t, "mask.yaml", masks)
	h.write(t, "production.key", "key-of-production")
	h.write(t, "staging.key", "key-of-staging")
	t.Cleanup(func() { h.leave(t) })
	return h
}

func (h *house) write(t *testing.T, name, content string) {
	t.Helper()
	check(t, os.WriteFile(filepath.Join(h.project, name), []byte(content), 0o600))
}

// freeAddress is a loopback address that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	port, err := loopback.FreePort()
	check(t, err)
	return fmt.Sprintf("127.0.0.1:%d", port)
}

// open runs a daemon inside the test, where the race detector sees it.
func (h *house) open(t *testing.T) {
	t.Helper()
	d, err := daemon.Open(t.Context(), options(h.project, h.state))
	check(t, err)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- errors.Join(d.Run(ctx), d.Close()) }()
	h.end = func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the daemon ended: %v", err)
		}
		h.end = func() {}
	}
	h.answers(t)
}

// start runs a daemon as a process of its own, which can be killed.
func (h *house) start(t *testing.T) {
	t.Helper()
	h.log = &bytes.Buffer{}
	cmd := exec.Command(cmp.Or(h.program, program), "daemon", h.project)
	cmd.Stderr = h.log
	cmd.Env = append(os.Environ(), h.environ...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	check(t, cmd.Start())
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	h.pid = cmd.Process.Pid
	h.end = func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
		<-ended
		h.end, h.pid = func() {}, 0
	}
	h.answers(t)
}

// kill ends the daemon process as a crash would.
func (h *house) kill(t *testing.T) {
	t.Helper()
	check(t, syscall.Kill(h.pid, syscall.SIGKILL))
	h.end()
}

func (h *house) answers(t *testing.T) {
	t.Helper()
	h.until(t, "the daemon answers", func() bool {
		_, err := h.Info(t.Context())
		return err == nil
	})
}

// until polls for something that comes by itself.
func (h *house) until(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline := time.Now().Add(tryFor)
	for !is() {
		if time.Now().After(deadline) {
			t.Fatalf("waited %s until %s", tryFor, what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// leave ends everything that the test started, whatever state it is in.
func (h *house) leave(t *testing.T) {
	h.end()
	if t.Failed() {
		h.tell(t)
	}
	h.until(t, "nothing of the test runs any more", func() bool {
		left := h.processes()
		for pid, server := range left {
			signal := syscall.SIGKILL
			if server { // gives its shared memory back
				signal = syscall.SIGQUIT
			}
			_ = syscall.Kill(pid, signal) // it may have gone meanwhile
		}
		return len(left) == 0
	})
	h.Close()
	if err := os.RemoveAll(h.project); err != nil {
		t.Error(err)
	}
}

// tell shows what helps to see why a test failed.
func (h *house) tell(t *testing.T) {
	if h.log != nil {
		t.Logf("the last daemon said:\n%s", h.log)
	}
	raw, err := os.ReadFile(h.state.Below("logs", "router.log"))
	if err == nil && len(raw) > 0 {
		t.Logf("the router said:\n%s", raw[max(0, len(raw)-3000):])
	}
}

// processes are those that this test's project has made, however they were cut loose: they
// have its folder in their command line, work in it or have files of it open. Database
// servers are true.
func (h *house) processes() map[int]bool {
	found := map[int]bool{}
	entries, err := os.ReadDir("/proc")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		proc := filepath.Join("/proc", e.Name())
		line, _ := os.ReadFile(filepath.Join(proc, "cmdline")) // gone: not ours
		if bytes.Contains(append(line, '/'), []byte(h.project+"/")) || h.holds(proc) {
			found[pid] = bytes.Contains(line, []byte("postgres"))
		}
	}
	return found
}

// holds tells whether a process works in the project's folder or has files of it open.
func (h *house) holds(proc string) bool {
	links := []string{filepath.Join(proc, "cwd")}
	open, _ := os.ReadDir(filepath.Join(proc, "fd")) // gone, or another user's: not ours
	for _, fd := range open {
		links = append(links, filepath.Join(proc, "fd", fd.Name()))
	}
	return slices.ContainsFunc(links, func(link string) bool {
		to, _ := os.Readlink(link)
		return strings.HasPrefix(to+"/", h.project+"/")
	})
}

// release makes a release of a version, labelled by its name.
func (h *house) release(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		_, err := h.CreateRelease(limited(t), api.CreateRelease{Label: name, From: h.source(t, name), By: "dev"})
		check(t, err)
	}
}

// up brings production up with the old version.
func (h *house) up(t *testing.T) {
	t.Helper()
	h.release(t, "old")
	_, err := h.Up(limited(t), api.Up{Environment: "production", Release: "old", By: "ops"}, silent)
	check(t, err)
}

func silent(string) {}

// snapshot is the twin's latest, if it has one.
func (h *house) snapshot(t *testing.T) *understudy.Snapshot {
	t.Helper()
	all, err := h.Status(limited(t))
	check(t, err)
	for _, e := range all {
		if e.Environment.Name == "staging" {
			return e.Snapshot
		}
	}
	return nil
}

func (h *house) reset(t *testing.T) (understudy.Snapshot, error) {
	t.Helper()
	return h.ResetTwin(limited(t), api.ResetTwin{Environment: "staging", By: "dev"}, silent)
}

// sql changes production's database behind everybody's back.
func (h *house) sql(t *testing.T, statements ...string) {
	t.Helper()
	var said bytes.Buffer
	status, err := h.Exec(limited(t), api.Exec{Environment: "production", Command: append([]string{"bin/app", "sql"}, statements...)}, strings.NewReader(""), &said, &said)
	check(t, err)
	if status != 0 {
		t.Fatalf("%q ended with status %d: %s", statements, status, said.String())
	}
}

// refused fails the test unless an error is of a kind and has all words in it or its hint.
func refused(t *testing.T, err error, kind understudy.Kind, words ...string) {
	t.Helper()
	if understudy.KindOf(err) != kind {
		t.Errorf("got %q of kind %q, expected kind %q", fmt.Sprint(err), understudy.KindOf(err), kind)
		return
	}
	for _, word := range words {
		if !strings.Contains(err.Error()+" "+understudy.HintOf(err), word) {
			t.Errorf("%q (hint: %s) does not name %q", err, understudy.HintOf(err), word)
		}
	}
}

// rehearse runs a rehearsal to its end.
func (h *house) rehearse(t *testing.T, name string) understudy.Rehearsal {
	t.Helper()
	r, err := h.Rehearse(limited(t), api.Rehearse{Release: name, By: "dev"})
	check(t, err)
	return h.rehearsed(t, r.ID)
}

// rehearsed waits for a rehearsal to end.
func (h *house) rehearsed(t *testing.T, id string) understudy.Rehearsal {
	t.Helper()
	var last understudy.Rehearsal
	check(t, h.WatchRehearsal(limited(t), id, func(r understudy.Rehearsal) error {
		last = r
		return nil
	}))
	return last
}

// passed rehearses a version that must pass.
func (h *house) passed(t *testing.T, name string) understudy.Rehearsal {
	t.Helper()
	r := h.rehearse(t, name)
	if r.State != understudy.RehearsalPassed {
		t.Fatalf("rehearsal of %s ended %s\n%s", name, r.State, described(r))
	}
	return r
}

// promote begins a promotion that must be let through.
func (h *house) promote(t *testing.T, name string) understudy.Promotion {
	t.Helper()
	p, err := h.Promote(limited(t), api.Promote{Release: name, By: "ops"})
	check(t, err)
	return p
}

// promoted waits for a promotion to end.
func (h *house) promoted(t *testing.T, id string) understudy.Promotion {
	t.Helper()
	var last understudy.Promotion
	check(t, h.WatchPromotion(limited(t), id, func(p understudy.Promotion) error {
		last = p
		return nil
	}))
	return last
}

// described shows a rehearsal for a failed test.
func described(r understudy.Rehearsal) string {
	var b strings.Builder
	fmt.Fprintf(&b, "resumed %d times; reason %q\n", r.Resumed, r.Reason)
	for _, c := range r.Checks {
		fmt.Fprintf(&b, "%-14s %-12s %s\n", c.Name, c.Outcome, c.Summary)
		for _, f := range c.Findings {
			fmt.Fprintf(&b, "  %s %s: %s\n", f.Severity, f.Code, f.Seen)
		}
	}
	return b.String()
}

func told(p understudy.Promotion) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, step %q, reason %q\n", p.State, p.Step, p.Reason)
	for _, e := range p.Events {
		fmt.Fprintf(&b, "  %s %s\n", e.At.Format("15:04:05.000"), e.Text)
	}
	return b.String()
}
