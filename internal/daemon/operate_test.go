package daemon_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"understudy"
	"understudy/internal/api"
	"understudy/internal/api/client"
	"understudy/internal/daemon"
	"understudy/internal/systemd"
)

// hook is a webhook that keeps what it is told.
type hook struct {
	address string
	mu      sync.Mutex
	told    []understudy.Message
	ids     []string
}

// open lets the hook answer, on the address that it has.
func (k *hook) open(t *testing.T) {
	t.Helper()
	listener, err := net.Listen("tcp", k.address)
	check(t, err)
	server := &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var body struct{ Data understudy.Message }
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		k.mu.Lock()
		defer k.mu.Unlock()
		if id := r.Header.Get("webhook-id"); id != "" {
			k.told, k.ids = append(k.told, body.Data), append(k.ids, id)
		}
	})}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener) // it ends with an error, always
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-served
	})
}

// events counts what the hook was told, by event.
func (k *hook) events() map[string]int {
	k.mu.Lock()
	defer k.mu.Unlock()
	out := map[string]int{}
	for _, m := range k.told {
		out[m.Event]++
	}
	return out
}

// hooked is a house that tells a hook, which does not answer yet.
func hooked(t *testing.T) (*house, *hook) {
	t.Helper()
	h, k := newHouse(t), &hook{address: freeAddress(t)}
	h.write(t, "understudy.yaml", h.yaml()+fmt.Sprintf("\nnotify:\n  audit: {webhook: {url: \"http://%s/t0ken\", secret: \"file:hook.key\"}}\n  ops: {slack: {url: \"http://%s\"}, events: [promotion]}\n", k.address, k.address))
	h.write(t, "hook.key", "whsec_c2VjcmV0c2VjcmV0")
	return h, k
}

func TestNotifications_NothingIsLostNorToldTwiceByCrashes(t *testing.T) {
	t.Parallel()
	h, k := hooked(t)
	h.start(t)
	const kills = 3
	for i := range kills {
		check(t, h.EndMaintenance(limited(t), api.EndMaintenance{Environment: "production", By: "ops", Reason: fmt.Sprintf("reason %d, with pw=hunter2", i)}))
		h.kill(t)
		h.start(t)
	}
	want := map[string]int{"maintenance.off": kills, "daemon.crashed": kills}
	var err error
	var told api.Told
	h.until(t, "all of it is in the outbox", func() bool {
		told, err = h.Notifications(limited(t))
		check(t, err)
		return len(told.Notifications) == 2*kills && told.Channels[0].Failed != ""
	})
	h.until(t, "an operator is told", func() bool {
		info, err := h.Info(limited(t))
		check(t, err)
		notes := strings.Join(info.Notes, "\n")
		if strings.Contains(notes, "t0ken") {
			t.Fatalf("an operator is told %q", notes)
		}
		return strings.Contains(notes, "notifications to audit: 6 wait")
	})
	h.kill(t)
	h.start(t)
	want["daemon.crashed"]++
	h.until(t, "the next daemon tells it too", func() bool {
		info, err := h.Info(limited(t))
		return err == nil && strings.Contains(strings.Join(info.Notes, "\n"), "notifications to audit: ")
	})
	h.until(t, "that one died is in the outbox too", func() bool {
		var err error
		told, err = h.Notifications(limited(t))
		return err == nil && len(told.Notifications) == 2*kills+1
	})
	k.open(t)
	for _, n := range told.Notifications {
		if _, err := h.RetryNotification(limited(t), api.RetryNotification{ID: n.ID, By: "ops"}); err != nil && understudy.KindOf(err) != understudy.KindConflict {
			t.Error(err)
		}
	}
	h.until(t, "everything has arrived", func() bool { return maps.Equal(k.events(), want) })
	check(t, h.TestNotification(limited(t), api.TestNotification{Channel: "ops", By: "ops"}))
	h.until(t, "it is written down", func() bool {
		var err error
		told, err = h.Notifications(limited(t))
		return err == nil && told.Channels[0].Delivered == 2*kills+1 && told.Channels[0].Waiting == 0
	})
	h.until(t, "the note is taken away", func() bool {
		info, err := h.Info(limited(t))
		return err == nil && !slices.ContainsFunc(info.Notes, func(n string) bool { return strings.Contains(n, "notifications") })
	})
	raw, err := json.Marshal(told)
	check(t, err)
	k.mu.Lock()
	defer k.mu.Unlock()
	if sorted := slices.Sorted(slices.Values(k.ids)); len(slices.Compact(sorted)) != 2*kills+1 || len(k.ids) != 2*kills+1 || bytes.Contains(raw, []byte("hunter2")) || bytes.Contains(raw, []byte("t0ken")) {
		t.Errorf("told %v, kept %s", k.ids, raw)
	}
}

// rechain writes the journal anew from its first entry on, so that it stands by itself.
func (h *house) rechain(t *testing.T, tamper func(*understudy.Entry)) {
	t.Helper()
	segments, err := filepath.Glob(h.state.Below("journal", "*.jsonl"))
	if err != nil || len(segments) != 1 {
		t.Fatalf("found %v, %v", segments, err)
	}
	raw, err := os.ReadFile(segments[0])
	check(t, err)
	var out []byte
	var last understudy.Entry
	for line := range bytes.Lines(raw) {
		var e understudy.Entry
		check(t, json.Unmarshal(line, &e))
		tamper(&e)
		last, err = e.Seal(last)
		check(t, err)
		sealed, err := json.Marshal(last)
		check(t, err)
		out = append(append(out, sealed...), '\n')
	}
	check(t, os.WriteFile(segments[0], out, 0o600))
	check(t, os.WriteFile(h.state.Below("journal", "head.json"), fmt.Appendf(nil, "{\"sequence\":%d,\"hash\":%q}\n", last.Sequence, last.Hash), 0o600))
}

func TestJournal_ReplacedAsAWholeIsNoticedAndTold(t *testing.T) {
	t.Parallel()
	h, k := hooked(t)
	k.open(t)
	h.open(t)
	check(t, h.EndMaintenance(limited(t), api.EndMaintenance{Environment: "production", By: "ops", Reason: "looked at"}))
	h.until(t, "it is told", func() bool { return k.events()["maintenance.off"] == 1 })
	k.mu.Lock()
	kept, entry := k.told[0].Head, k.told[0].Entry
	k.mu.Unlock()
	verified, err := h.VerifyJournal(limited(t), api.VerifyJournal{Head: kept})
	if err != nil || verified.Known != entry {
		t.Errorf("against the head that a notification carried: %+v, %v", verified, err)
	}
	h.until(t, "how far it was followed is written down", func() bool {
		told, err := h.Notifications(limited(t))
		return err == nil && told.Channels[0].Delivered == 1
	})
	h.end()
	h.rechain(t, func(e *understudy.Entry) { e.Actor = "mallory" })
	h.open(t)
	h.until(t, "it is told", func() bool { return k.events()["journal.damaged"] == 1 })
	if _, err := h.VerifyJournal(limited(t), api.VerifyJournal{}); err != nil {
		t.Errorf("by itself it stands: %v", err)
	}
	_, err = h.VerifyJournal(limited(t), api.VerifyJournal{Head: kept})
	refused(t, err, understudy.KindInternal, "none of the entries", "replaced")
	info, err := h.Info(limited(t))
	if check(t, err); !slices.ContainsFunc(info.Notes, func(n string) bool { return strings.Contains(n, "the journal is damaged") }) {
		t.Errorf("the notes are %q", info.Notes)
	}
}

func TestJournal_DamagedIsToldOnceThoughTheDaemonDoesNotStart(t *testing.T) {
	t.Parallel()
	h, k := hooked(t)
	k.open(t)
	h.open(t)
	check(t, h.EndMaintenance(limited(t), api.EndMaintenance{Environment: "production", By: "ops", Reason: "looked at"}))
	h.until(t, "it is told", func() bool { return k.events()["maintenance.off"] == 1 })
	h.end()
	segments, err := filepath.Glob(h.state.Below("journal", "*.jsonl"))
	check(t, err)
	raw, err := os.ReadFile(segments[0])
	check(t, err)
	check(t, os.WriteFile(segments[0], bytes.Replace(raw, []byte(`"ops"`), []byte(`"eve"`), 1), 0o600))
	for range 2 {
		err := daemon.Serve(limited(t), options(h.project, h.state))
		refused(t, err, understudy.KindInternal, "the journal is damaged", "backup")
	}
	if told := k.events(); told["journal.damaged"] != 1 {
		t.Errorf("told %v", told)
	}
}

func TestGauges_SayWhatAnOperatorWatches(t *testing.T) {
	t.Parallel()
	h, _ := hooked(t)
	h.open(t)
	refused(t, h.LiftHold(limited(t), "production", "ops", "looked at"), understudy.KindConflict, "nothing holds production")
	refused(t, h.Maintain(limited(t), api.Maintain{Environment: "staging", By: "ops"}), understudy.KindRefused, "staging is a twin")
	check(t, h.EndMaintenance(limited(t), api.EndMaintenance{Environment: "production", By: "ops", Reason: "looked at"}))
	asked := &http.Client{Transport: &http.Transport{DialContext: client.Dial(h.state.Socket()), DisableKeepAlives: true}}
	read := func() string {
		response, err := asked.Get("http://understudy/metrics")
		check(t, err)
		text, err := io.ReadAll(response.Body)
		check(t, err)
		check(t, response.Body.Close())
		return string(text)
	}
	h.until(t, "the notification is counted", func() bool {
		return strings.Contains(read(), `understudy_notifications{channel="audit",state="waiting"} 1`)
	})
	text := read()
	for _, want := range []string{"understudy_journal_entries 1\n", `understudy_journal_head{hash="sha256:`, "understudy_journal_bytes ", "understudy_store_bytes ", `understudy_held{environment="production"} 0`, "understudy_reading_failed 0\n", "understudy_up_seconds "} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is missing in\n%s", want, text)
		}
	}
	refused(t, h.PlaceHold(limited(t), "staging", "ops", "no more"), understudy.KindInvalid, "staging is a twin")
	check(t, h.PlaceHold(limited(t), "production", "ops", "the provider is down"))
	refused(t, h.PlaceHold(limited(t), "production", "ann", "me too"), understudy.KindConflict, "ops placed a hold: the provider is down")
	if text := read(); !strings.Contains(text, `understudy_held{environment="production"} 1`) {
		t.Errorf("it is held, and the metrics say\n%s", text)
	}
	check(t, h.LiftHold(limited(t), "production", "ops", "it is up"))
}

// services runs what the units of a house run, as systemd would.
type services struct {
	h     *house
	lines [][]string // ExecStart, router first
}

func (h *house) install(t *testing.T) services {
	t.Helper()
	me, err := user.Current()
	check(t, err)
	w, err := systemd.Wish{Application: "notes", Program: program, Project: h.project, State: h.state.Root, Run: h.state.Run, User: me.Username,
		Units: h.state.Root + "-units", Settings: h.state.Root + "-settings"}.Complete()
	check(t, err)
	nothing := systemd.Machine{
		Systemctl: func(_ context.Context, args ...string) (string, error) {
			return map[string]string{"is-active": "active", "is-enabled": "enabled"}[args[0]], nil
		},
		Answers: func(context.Context) error { return nil }, End: func(context.Context) error { return nil }, Tell: silent,
	}
	check(t, systemd.Install(limited(t), w, nothing))
	s := services{h: h}
	for _, f := range w.Files()[1:] {
		for line := range strings.Lines(f.Content) {
			if command, is := strings.CutPrefix(line, "ExecStart="); is {
				s.lines = append(s.lines, strings.Fields(command))
			}
		}
	}
	return s
}

// boot starts every service, and nothing else.
func (s services) boot(t *testing.T) {
	t.Helper()
	for _, line := range s.lines {
		s.run(t, line)
	}
}

func (s services) run(t *testing.T, line []string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(line[0], line[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	check(t, cmd.Start())
	go func() { _ = cmd.Wait() }() // until it is killed
	return cmd
}

func TestServices_ServeProductionAfterARebootWithoutACommand(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s := h.install(t)
	if len(s.lines) != 2 {
		t.Fatalf("the units run %q", s.lines)
	}
	router := s.run(t, s.lines[0])
	daemon := s.run(t, s.lines[1])
	h.answers(t)
	h.up(t)
	crowd := visit(t, h.production)
	check(t, daemon.Process.Signal(syscall.SIGTERM))                                                      // as a restart of its service does
	h.until(t, "the daemon has ended", func() bool { return syscall.Kill(daemon.Process.Pid, 0) != nil }) // and given its lock back: the next one would be refused
	s.run(t, s.lines[1])
	h.answers(t)
	crowd.mustBeServed(t)
	if state := h.routers(t); len(state) != 1 || state[0] != router.Process.Pid {
		t.Errorf("the routers are %v, expected the one that the service started, %d", state, router.Process.Pid)
	}
	for pid := range h.processes() {
		_ = syscall.Kill(pid, syscall.SIGKILL) // all of them; one may take others with it
	}
	h.until(t, "everything is dead", func() bool { return len(h.processes()) == 0 })
	rebooted := time.Now()
	s.boot(t)
	h.until(t, "production serves again", func() bool { return h.served() == "old" })
	t.Logf("production served %s after the boot", time.Since(rebooted).Round(time.Millisecond))
	if state := h.routers(t); len(state) != 1 {
		t.Errorf("the routers are %v", state)
	}
}

func TestServices_ADaemonWhoseRouterIsAServiceStartsNone(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s := h.install(t)
	s.run(t, s.lines[1])
	h.answers(t)
	router := s.run(t, s.lines[0])
	h.up(t)
	check(t, router.Process.Kill())
	h.until(t, "production is off the air", func() bool { return h.served() == "" })
	s.run(t, s.lines[0])
	h.until(t, "production serves again", func() bool { return h.served() == "old" })
	check(t, h.Down(limited(t), api.Down{By: "ops"}, silent))
	if now := h.served(); now != "" || len(h.routers(t)) != 1 {
		t.Errorf("%q serves, and the routers are %v: its service would only start it again", now, h.routers(t))
	}
}

// routers are the processes that are a router of this house.
func (h *house) routers(t *testing.T) []int {
	t.Helper()
	var out []int
	for pid := range h.processes() {
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err == nil && bytes.Contains(line, []byte("\x00router\x00--state\x00"+h.state.Below("router"))) {
			out = append(out, pid)
		}
	}
	return out
}
