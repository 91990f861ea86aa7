package daemon_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"understudy"
	"understudy/internal/api"
)

// whoServes asks production which release answers.
func (h *house) whoServes(t *testing.T) string {
	t.Helper()
	response, err := http.Get("http://" + h.production + "/release")
	check(t, err)
	defer func() { check(t, response.Body.Close()) }()
	body, err := io.ReadAll(response.Body)
	check(t, err)
	return string(body)
}

func TestDaemon_RehearsesPromotesAndRollsBackWithoutLosingARequest(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.open(t)
	h.up(t)
	h.release(t, "good")
	crowd := visit(t, h.production)

	r := h.passed(t, "good")
	s, err := h.VerifyVerdict(limited(t), r.Verdict)
	check(t, err)
	if s.Outcome != understudy.OutcomePassed || s.Release != r.Candidate || !s.OldRunsOnNew {
		t.Errorf("the verdict says outcome %s of %s, old runs on new %t", s.Outcome, s.Release.Short(), s.OldRunsOnNew)
	}

	p := h.promoted(t, h.promote(t, "good").ID)
	if p.State != understudy.PromotionSettled || h.whoServes(t) != "good" {
		t.Fatalf("%s serves after the promotion:\n%s", h.whoServes(t), told(p))
	}

	p, err = h.Rollback(limited(t), api.Rollback{Environment: "production", By: "ops", Reason: "tried"})
	check(t, err)
	p = h.promoted(t, p.ID)
	if p.State != understudy.PromotionRolledBack || h.whoServes(t) != "old" {
		t.Fatalf("%s serves after the rollback:\n%s", h.whoServes(t), told(p))
	}
	crowd.mustBeServed(t)
	if v, err := h.VerifyJournal(limited(t)); err != nil || v.Entries < 20 {
		t.Errorf("the journal holds %d entries: %v", v.Entries, err)
	}
}

func TestRehearsal_FindsWhatEachBadReleaseWouldDo(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.open(t)
	h.up(t)
	for _, c := range []struct {
		version string
		code    string // that must be among the findings
		check   string // that must have failed
	}{
		{"slow", "migration.blocked", understudy.CheckMigration},
		{"breaks-old", "compatibility.old-release-breaks", understudy.CheckCompatibility},
		{"exits", "deployment.not-ready", understudy.CheckDeployment},
		{"sick", "deployment.not-ready", understudy.CheckDeployment},
		{"forks", "deployment.not-ready", understudy.CheckDeployment},
		{"hangs", "migration.hung", understudy.CheckMigration},
		{"dies", "migration.failed", understudy.CheckMigration},
		{"lossy", "rollback.data-lost", understudy.CheckRollback},
		{"untested", "tests.failed", understudy.CheckTests},
		{"keyless", "config.missing", understudy.CheckConfig},
	} {
		t.Run(c.version, func(t *testing.T) {
			h.release(t, c.version)
			r := h.rehearse(t, c.version)
			if r.State != understudy.RehearsalFailed {
				t.Errorf("it ended %s, expected failed", r.State)
			}
			if failed, _ := r.Done(c.check); failed.Outcome != understudy.OutcomeFailed {
				t.Errorf("check %s ended %q, expected failed", c.check, failed.Outcome)
			}
			if !slices.ContainsFunc(r.Findings(), func(f understudy.Finding) bool { return f.Code == c.code && f.Severity == understudy.SeverityBlocking }) {
				t.Errorf("no blocking finding %s", c.code)
			}
			_, err := h.Promote(limited(t), api.Promote{Release: c.version, By: "ops"})
			if understudy.KindOf(err) != understudy.KindRefused {
				t.Errorf("promoting it answered %v, expected a refusal", err)
			}
			if t.Failed() {
				t.Log(described(r))
			}
		})
	}
	if now := h.whoServes(t); now != "old" {
		t.Errorf("production runs %s after rehearsals only", now)
	}
}

func TestPromotion_GoesBackByItselfWhenTheNewReleaseIsWorse(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.open(t)
	h.up(t)
	h.release(t, "turncoat", "good")
	visit(t, h.production)
	h.passed(t, "turncoat")
	p := h.promoted(t, h.promote(t, "turncoat").ID)
	if p.State != understudy.PromotionRolledBack || h.whoServes(t) != "old" {
		t.Fatalf("%s serves:\n%s", h.whoServes(t), told(p))
	}
	h.passed(t, "good")
	_, err := h.Promote(limited(t), api.Promote{Release: "good", By: "ops"})
	if understudy.KindOf(err) != understudy.KindRefused || !strings.Contains(err.Error(), "held") {
		t.Errorf("a promotion after the rollback answered %v, expected the hold", err)
	}
	check(t, h.LiftHold(limited(t), "production", "ops", "understood"))
	if p := h.promoted(t, h.promote(t, "good").ID); p.State != understudy.PromotionSettled {
		t.Errorf("after the hold was lifted:\n%s", told(p))
	}
}
