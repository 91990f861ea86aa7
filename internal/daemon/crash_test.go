package daemon_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"understudy"
	"understudy/internal/api"
)

// errSeen ends a watch that has seen what it waited for.
var errSeen = errors.New("seen")

// seeRehearsal watches a rehearsal until it is as wanted, or has ended.
func (h *house) seeRehearsal(t *testing.T, id string, wanted func(understudy.Rehearsal) bool) bool {
	t.Helper()
	err := h.WatchRehearsal(limited(t), id, func(r understudy.Rehearsal) error {
		if wanted(r) {
			return errSeen
		}
		return nil
	})
	if err != nil && !errors.Is(err, errSeen) {
		t.Fatal(err)
	}
	return err != nil
}

func (h *house) seePromotion(t *testing.T, id string, wanted func(understudy.Promotion) bool) bool {
	t.Helper()
	err := h.WatchPromotion(limited(t), id, func(p understudy.Promotion) error {
		if wanted(p) {
			return errSeen
		}
		return nil
	})
	if err != nil && !errors.Is(err, errSeen) {
		t.Fatal(err)
	}
	return err != nil
}

// outcomes are the checks of a rehearsal in order, with how they ended.
func outcomes(r understudy.Rehearsal) string {
	var all []string
	for _, c := range r.Checks {
		all = append(all, c.Name+" "+string(c.Outcome))
	}
	return strings.Join(all, ", ")
}

func TestRehearsal_KilledAtEachStepGoesOnAndEndsTheSame(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.start(t)
	h.up(t)
	h.release(t, "good")
	crowd := visit(t, h.production)
	r, err := h.Rehearse(limited(t), api.Rehearse{Release: "good", By: "dev"})
	check(t, err)
	killed := 0
	for _, step := range understudy.Checks() {
		seen := h.seeRehearsal(t, r.ID, func(r understudy.Rehearsal) bool { return r.Step == step })
		if !seen { // a step may be over before it was heard of
			continue
		}
		h.kill(t)
		killed++
		h.start(t)
	}
	r = h.rehearsed(t, r.ID)
	crowd.mustBeServed(t)
	if r.State != understudy.RehearsalPassed || r.Resumed < killed-1 || killed < 5 {
		t.Errorf("killed %d times, it went on %d times and ended %s\n%s", killed, r.Resumed, r.State, described(r))
	}
	again := h.passed(t, "good")
	if outcomes(r) != outcomes(again) {
		t.Errorf("the checks ended\n%s\nexpected as when nobody is killed\n%s", outcomes(r), outcomes(again))
	}
	if _, err := h.VerifyJournal(limited(t), api.VerifyJournal{}); err != nil {
		t.Error(err)
	}
}

// baking begins a promotion and waits until the new release is watched.
func (h *house) baking(t *testing.T) string {
	t.Helper()
	h.write(t, "understudy.yaml", strings.Replace(h.yaml(), "bake: 2s", "bake: 4s", 1))
	h.start(t)
	h.up(t)
	h.release(t, "plain")
	visit(t, h.production)
	h.passed(t, "plain")
	id := h.promote(t, "plain").ID
	if !h.seePromotion(t, id, func(p understudy.Promotion) bool { return p.State == understudy.PromotionBaking }) {
		t.Fatalf("it never baked:\n%s", told(h.promoted(t, id)))
	}
	return id
}

// killProcess kills a process of this test's project that has all words in its command line.
func (h *house) killProcess(t *testing.T, words ...string) {
	t.Helper()
	if !h.kills(t, words...) {
		t.Fatalf("no process has %q in its command line", words)
	}
}

// kills tells whether there was one to kill.
func (h *house) kills(t *testing.T, words ...string) bool {
	t.Helper()
	for pid := range h.processes() {
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err != nil {
			continue // it has gone
		}
		all := true
		for _, word := range words {
			all = all && strings.Contains(strings.ReplaceAll(string(line), "\x00", " "), word)
		}
		if all {
			return syscall.Kill(pid, syscall.SIGKILL) == nil
		}
	}
	return false
}

func TestDaemon_ComesUpAgainAfterEverythingWasTakenDown(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.open(t)
	h.up(t)
	check(t, h.Down(limited(t), api.Down{By: "ops"}, silent))
	if now := h.served(); now != "" {
		t.Errorf("%s serves after all was taken down", now)
	}
	_, err := h.Up(limited(t), api.Up{Environment: "production", By: "ops"}, silent)
	check(t, err)
	if now := h.whoServes(t); now != "old" {
		t.Errorf("%s serves, expected what ran last", now)
	}
	check(t, h.Down(limited(t), api.Down{By: "ops"}, silent))
	h.until(t, "nothing runs any more", func() bool { return len(h.processes()) == 0 })
}

func TestDaemon_BringsProductionBackAfterTheMachineDied(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.flags = map[string]string{"old": flagsOf("cart")}
	h.start(t)
	h.up(t)
	_, err := h.SetFlag(limited(t), api.SetFlag{Environment: "production", Key: "cart", Off: true, By: "ops"})
	check(t, err)
	h.kill(t) // environments go on
	if h.whoServes(t) != "old" || h.production1(t, "/flag/cart") != "false" {
		t.Errorf("production ended with the daemon, or its flags: cart is %s", h.production1(t, "/flag/cart"))
	}
	for pid := range h.processes() {
		_ = syscall.Kill(pid, syscall.SIGKILL) // all of them; one may take others with it
	}
	h.until(t, "everything is dead", func() bool { return len(h.processes()) == 0 })
	h.start(t)
	h.until(t, "production serves again", func() bool { return h.served() == "old" })
	if now := h.production1(t, "/flag/cart"); now != "false" {
		t.Errorf("after all of it died, cart is %s", now)
	}
	if info, err := h.Info(limited(t)); err != nil || len(info.Notes) > 0 {
		t.Errorf("the daemon notes %q, %v", info.Notes, err)
	}
}

// killSupervisor kills the supervisor of production's newest deployment of a release, and waits
// until what it ran has died with it, as that may answer for a moment longer.
func (h *house) killSupervisor(t *testing.T, label string) {
	t.Helper()
	program := h.processOf(t, label)
	check(t, syscall.Kill(parentOf(t, program), syscall.SIGKILL))
	h.until(t, "its program has died with it", func() bool { return isGone(program) })
}

// isGone tells of a process that has ended, also where nobody has buried it yet.
func isGone(pid int) bool {
	state, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || strings.Contains(string(state), ") Z ")
}

// supervisor is the process of the supervisor of production's newest deployment of a release.
func (h *house) supervisor(t *testing.T, label string) int {
	t.Helper()
	return parentOf(t, h.processOf(t, label))
}

// processOf is the first process of production's newest deployment of a release: an earlier one
// may be on its way out.
func (h *house) processOf(t *testing.T, label string) int {
	t.Helper()
	all, err := h.Status(limited(t))
	check(t, err)
	newest, pid := "", 0
	for _, e := range all {
		for _, d := range e.Deployments {
			if e.Environment.Name == "production" && d.Label == label && d.ID > newest {
				newest, pid = d.ID, d.Services[0].PID
			}
		}
	}
	if pid == 0 {
		t.Fatalf("production has no deployment of %s that runs", label)
	}
	return pid
}

func parentOf(t *testing.T, pid int) int {
	t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	check(t, err)
	_, rest, _ := strings.Cut(string(raw), ") ")
	var state string
	var parent int
	_, err = fmt.Sscan(rest, &state, &parent)
	check(t, err)
	return parent
}
