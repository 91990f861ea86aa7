package daemon_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"understudy"
	"understudy/internal/api"
	"understudy/internal/attest"
	"understudy/internal/daemon"
	"understudy/internal/store"
)

// promoting tries to promote a release, and must be refused for all the reasons.
func (h *house) promoting(t *testing.T, name string, why ...string) {
	t.Helper()
	_, err := h.Promote(limited(t), api.Promote{Release: name, By: "ops"})
	refused(t, err, understudy.KindRefused, why...)
}

func TestPromote_RefusesUnlessTheVerdictHoldsForThisReleaseAndThisProduction(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.open(t)
	h.up(t)
	h.release(t, "plain", "better")
	h.promoting(t, "plain", "never rehearsed")
	r := h.passed(t, "plain")
	h.promoting(t, "better", "never rehearsed")

	h.sql(t, `ALTER TABLE accounts ADD COLUMN extra int`)
	h.promoting(t, "plain", "schema of database main has changed")
	h.sql(t, `ALTER TABLE accounts DROP COLUMN extra`)

	h.write(t, "understudy.yaml", strings.Replace(h.yaml(), "env: {PAYMENT_URL", "env: {GREETING: hi, PAYMENT_URL", 1))
	h.promoting(t, "plain", "the configuration that a release would be started with there has changed")
	h.write(t, "understudy.yaml", h.yaml())
	h.write(t, "production.key", "another-key-of-production")
	h.promoting(t, "plain", "the configuration that a release would be started with there has changed")
	h.write(t, "production.key", "key-of-production")

	if p, err := h.PlanPromotion(limited(t), api.Promote{Release: "plain"}); err != nil || len(p.Refusals) > 0 {
		t.Errorf("with all as it was, there are refusals %q, %v", p.Refusals, err)
	}
	h.agrees(t, r)
	_, err := h.RevokeVerdict(limited(t), api.Revoke{Name: r.Verdict, By: "sec", Reason: "a hole was found"})
	check(t, err)
	h.promoting(t, "plain", "revoked", "a hole was found")
	if now := h.whoServes(t); now != "old" {
		t.Errorf("%s serves after refusals only", now)
	}
	h.breakGlass(t)
}

func TestPromote_WhileAnotherRunsIsAConflictThatNamesIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id := h.baking(t)
	_, err := h.Promote(limited(t), api.Promote{Release: "plain", By: "ops"})
	refused(t, err, understudy.KindConflict, id)
	_, err = h.Up(limited(t), api.Up{Environment: "production", By: "ops"}, silent)
	refused(t, err, understudy.KindConflict, id)
	if p := h.promoted(t, id); p.State != understudy.PromotionSettled {
		t.Error(told(p))
	}
}

func TestArtifact_ChangedAfterTheReleaseWasMadeIsRefusedByName(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.open(t)
	h.up(t)
	h.release(t, "plain", "better")
	h.passed(t, "plain")
	h.tamper(t, "plain")
	p := h.promoted(t, h.promote(t, "plain").ID)
	if p.State != understudy.PromotionRolledBack || !strings.Contains(p.Reason, "release.json") || h.whoServes(t) != "old" {
		t.Errorf("%s serves; expected a rollback that names release.json:\n%s", h.whoServes(t), told(p))
	}
	h.tamper(t, "better")
	r := h.rehearse(t, "better")
	if r.State == understudy.RehearsalPassed || !strings.Contains(described(r), "release.json") {
		t.Errorf("expected release.json to be named:\n%s", described(r))
	}
}

// tamper changes a file of a release after it was made.
func (h *house) tamper(t *testing.T, name string) {
	t.Helper()
	r, err := h.Client.Release(limited(t), name)
	check(t, err)
	file := filepath.Join(h.state.Below("artifacts", r.Artifact.Digest.Hex()), "release.json")
	raw, err := os.ReadFile(file)
	check(t, err)
	check(t, os.Chmod(file, 0o644))
	check(t, os.WriteFile(file, []byte(strings.Replace(string(raw), name, strings.ToUpper(name), 1)), 0o644))
	check(t, os.Chmod(file, 0o444))
}

func TestRehearse_TheSecondOnATwinWaitsItsTurnAndSaysForWhom(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.open(t)
	h.up(t)
	h.release(t, "plain")
	ask := func(name string) understudy.Rehearsal {
		r, err := h.Rehearse(limited(t), api.Rehearse{Release: name, By: "dev"})
		check(t, err)
		return r
	}
	one, two, three := ask("plain"), ask("plain"), ask("plain")
	for _, r := range []understudy.Rehearsal{two, three} {
		if r.State != understudy.RehearsalQueued || !strings.Contains(r.WaitsFor, one.ID) {
			t.Errorf("it is %s and waits for %q, expected queued, for %s", r.State, r.WaitsFor, one.ID)
		}
	}
	check(t, h.CancelRehearsal(limited(t), three.ID, "dev"))
	if r := h.rehearsed(t, three.ID); r.State != understudy.RehearsalCancelled {
		t.Errorf("the third was cancelled and is %s", r.State)
	}
	first, second := h.rehearsed(t, one.ID), h.rehearsed(t, two.ID)
	if first.State != understudy.RehearsalPassed || second.State != understudy.RehearsalPassed || second.StartedAt.Before(first.EndedAt) {
		t.Errorf("the first ended %s at %s, the second began at %s and ended %s", first.State, first.EndedAt, second.StartedAt, second.State)
	}
	if second.WaitsFor != "" {
		t.Errorf("the second has run and still waits for %q", second.WaitsFor)
	}
}

func TestUp_SaysThatAPortIsTakenAndByWhichAddress(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.open(t)
	h.release(t, "old")
	taker, err := net.Listen("tcp", h.production)
	check(t, err)
	_, err = h.Up(limited(t), api.Up{Environment: "production", Release: "old", By: "ops"}, silent)
	check(t, taker.Close())
	refused(t, err, understudy.KindConflict, h.production)
	if left := h.deployments(t); len(left) > 0 {
		t.Errorf("after a failure there still run %v", left)
	}
	h.up(t) // nothing stands in the way of trying again
	if now := h.whoServes(t); now != "old" {
		t.Errorf("%s serves", now)
	}
}

func TestUp_WithoutPostgreSQLSaysHowToGetIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.environ = []string{"UNDERSTUDY_PG_BIN=" + t.TempDir()}
	h.start(t)
	h.release(t, "old")
	_, err := h.Up(limited(t), api.Up{Environment: "production", Release: "old", By: "ops"}, silent)
	refused(t, err, understudy.KindUnavailable, "PostgreSQL", "UNDERSTUDY_PG_BIN")
}

func TestUp_OfAReleaseThatCannotStartLeavesNothingRunning(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.open(t)
	for _, version := range []string{"exits", "forks"} {
		h.release(t, version)
		_, err := h.Up(limited(t), api.Up{Environment: "production", Release: version, By: "ops"}, silent)
		refused(t, err, understudy.KindFailed, "web")
	}
	if left := h.deployments(t); len(left) > 0 || h.served() != "" {
		t.Errorf("there still run %v, and %q serves", left, h.served())
	}
}

// deployments are those that run in production.
func (h *house) deployments(t *testing.T) []string {
	t.Helper()
	all, err := h.Status(limited(t))
	check(t, err)
	var ids []string
	for _, e := range all {
		for _, d := range e.Deployments {
			if e.Environment.Name == "production" {
				ids = append(ids, d.ID)
			}
		}
	}
	return ids
}

func TestOpen_RefusesASecondDaemonByTheProcessOfTheFirst(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.open(t)
	_, err := daemon.Open(t.Context(), options(h.project, h.state))
	refused(t, err, understudy.KindConflict, fmt.Sprint(os.Getpid()))
}

func TestOpen_RefusesToBeginBlankAndItsHintRestores(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.open(t)
	h.release(t, "old")
	h.end()
	backups := func() int {
		found, err := filepath.Glob(h.state.Below("store-backup-*.db"))
		check(t, err)
		return len(found)
	}
	before := backups() // none, where the first daemon ended before it had made one
	h.open(t)           // makes a backup that knows the release
	h.until(t, "there is a backup that knows the release", func() bool { return backups() > before })
	h.end()
	path := h.state.Below("store.db")
	for what, harm := range map[string]func() error{
		"damaged": func() error { return os.WriteFile(path, []byte(strings.Repeat("not a store ", 2000)), 0o600) },
		"gone":    func() error { return os.Remove(path) },
		"empty":   func() error { return os.Truncate(path, 0) },
	} {
		check(t, harm())
		_, err := daemon.Open(t.Context(), options(h.project, h.state))
		if err == nil {
			t.Fatalf("a daemon began with a store that is %s", what)
		}
		refused(t, err, understudy.KindOf(err), "store-backup-")
		h.restoreBy(t, understudy.HintOf(err))
		h.open(t)
		if _, err := h.Client.Release(limited(t), "old"); err != nil {
			t.Errorf("%s, and restored as the hint says: %v", what, err)
		}
		h.end()
	}
}

// restoreBy does what a hint says, as a person would: the command is what follows the colon.
func (h *house) restoreBy(t *testing.T, hint string) {
	t.Helper()
	_, command, found := strings.Cut(hint, ": ")
	if !found {
		t.Fatalf("the hint %q holds no command", hint)
	}
	out, err := exec.Command("sh", "-c", command).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", command, err, out)
	}
}

// rewrite changes a record while no daemon runs, as a clock that was put back makes it look.
func rewrite[T any](t *testing.T, h *house, kind, id string, change func(*T) error) {
	t.Helper()
	h.end()
	s, err := store.Open(t.Context(), "sqlite:"+h.state.Below("store.db"))
	check(t, err)
	_, err = store.Update(context.WithoutCancel(t.Context()), s, kind, id, change)
	check(t, errors.Join(err, s.Close()))
	h.open(t)
}

func TestClock_PutBackMakesVerdictsRefusedAndSnapshotsTakenAnew(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.open(t)
	h.up(t)
	h.release(t, "plain")
	r := h.passed(t, "plain")
	rewrite(t, h, "verdict", r.Verdict, func(v *understudy.Verdict) error {
		keys, err := attest.Keys(h.state.Below("keys", "attest"))
		if err != nil {
			return err
		}
		s, err := keys.Verify(v.Envelope)
		if err != nil {
			return err
		}
		s.EndedAt = s.EndedAt.Add(time.Hour)
		v.Envelope, err = keys.Sign(s)
		return err
	})
	h.promoting(t, "plain", "from the future")
	rewrite(t, h, "snapshot", "staging", func(s *understudy.Snapshot) error {
		s.TakenAt = s.TakenAt.Add(time.Hour)
		return nil
	})
	again := h.passed(t, "plain")
	if again.Snapshot.ID == r.Snapshot.ID || !strings.Contains(described(again), "from the future") {
		t.Errorf("a snapshot from the future was used again:\n%s", described(again))
	}
}
