package daemon_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"understudy"
	"understudy/internal/api"
)

// served is what production answers when it is asked for its release; empty: nothing.
func (h *house) served() string {
	response, err := http.Get("http://" + h.production + "/release")
	if err != nil {
		return ""
	}
	body, err := io.ReadAll(response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil || response.StatusCode != http.StatusOK {
		return ""
	}
	return string(body)
}

// whoServes is the release that answers in production.
func (h *house) whoServes(t *testing.T) string {
	t.Helper()
	if now := h.served(); now != "" {
		return now
	}
	t.Error("production answers nothing")
	return ""
}

func TestDaemon_RehearsesPromotesAndRollsBackWithoutLosingARequest(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.flags = map[string]string{"old": flagsOf("cart"), "good": flagsOf("cart", "gift")}
	longer := strings.Replace(h.accepting(), "step_for: 600ms", "step_for: 2s", 1) // somebody has to see both serve
	h.write(t, "understudy.yaml", longer)
	h.open(t)
	h.up(t)
	h.release(t, "good")
	crowd := visit(t, h.production)
	h.flagsAreSet(t)

	r := h.passed(t, "good")
	h.watchedExactly(t, r)
	h.flagsWereRehearsed(t, r)
	s, err := h.VerifyVerdict(limited(t), r.Verdict)
	check(t, err)
	if s.Outcome != understudy.OutcomePassed || s.Release != r.Candidate || !s.OldRunsOnNew {
		t.Errorf("the verdict says outcome %s of %s, old runs on new %t", s.Outcome, s.Release.Short(), s.OldRunsOnNew)
	}
	h.alike(t, r, s)

	killed := h.killsAFlagInBothReleases()
	p := h.promoteInAQuietMoment(t, "good")
	if err := <-killed; err != nil {
		t.Error(err)
	}
	if p.State != understudy.PromotionSettled || h.whoServes(t) != "good" {
		t.Fatalf("%s serves after the promotion:\n%s", h.whoServes(t), told(p))
	}
	h.behind(t, p)

	p, err = h.Rollback(limited(t), api.Rollback{Environment: "production", By: "ops", Reason: "tried"})
	check(t, err)
	p = h.promoted(t, p.ID)
	if p.State != understudy.PromotionRolledBack || h.whoServes(t) != "old" {
		t.Fatalf("%s serves after the rollback:\n%s", h.whoServes(t), told(p))
	}
	crowd.mustBeServed(t)
	if v, err := h.VerifyJournal(limited(t), api.VerifyJournal{}); err != nil || v.Entries < 20 {
		t.Errorf("the journal holds %d entries: %v", v.Entries, err)
	}
	h.delivered(t)
}

// delivered holds the metrics to what was done: one deployment, taken back by somebody.
func (h *house) delivered(t *testing.T) {
	t.Helper()
	m, err := h.Metrics(limited(t), api.Metrics{})
	check(t, err)
	if m.Frequency.Count != 1 || m.FailRate.Count != 1 || m.Rollbacks.Count != 1 || m.Rollbacks.ByItself != 0 || m.Rollbacks.Answered.Count != 1 ||
		m.LeadTime.FromRelease != 1 || m.Rehearsals.Ended[understudy.RehearsalPassed] != 1 || m.Changes[0].Failed != "somebody rolled it back" {
		t.Errorf("the metrics are %+v", m)
	}
	t.Logf("decision to answer: %s", m.Rollbacks.Answered.Longest)
}

// watchedExactly holds a rehearsal to it that nothing that its migration did went unseen.
func (h *house) watchedExactly(t *testing.T, r understudy.Rehearsal) {
	t.Helper()
	seen := 0
	for _, c := range r.Checks {
		for _, e := range c.Evidence {
			if e.Name != "migration-up-observed.json" {
				continue
			}
			content, err := h.Evidence(limited(t), e.Digest)
			check(t, err)
			var o understudy.Observation
			check(t, errors.Join(json.NewDecoder(content).Decode(&o), content.Close()))
			if o.Exact.WaitsFrom = 0; o.Exact != (understudy.Exactness{Locks: true, Exclusive: true, Waits: true, Writes: true}) || len(o.Notes) > 0 || len(o.Locks) == 0 {
				t.Errorf("of the migration was seen %+v, with the notes %q", o, o.Notes)
			}
			seen++
		}
	}
	if seen == 0 {
		t.Error("there is no evidence of what was seen of the migration")
	}
}

// flaw is what a rehearsal must find of a version: a blocking finding, in a check that
// fails for it, with words that it says; a warning, with words of its own; and a lock that is
// expected of production.
type flaw struct{ version, code, check, says, and, also, alsoSays, locks string }

func TestRehearsal_FindsWhatABadMigrationWouldDo(t *testing.T) {
	t.Parallel()
	findFlaws(t, []flaw{
		{version: "slow", code: "migration.blocked", check: understudy.CheckMigration},
		{version: "breaks-old", code: "compatibility.old-release-breaks", check: understudy.CheckCompatibility, says: `The database said: column "text"`},
		{version: "lossy", code: "rollback.data-lost", check: understudy.CheckRollback,
			says: "rows: 3,000 changed in nickname: id=1 (changed in nickname), id=10 (changed in nickname)",
			also: "migration.plan-changed", alsoSays: "after:  Aggregate(Limit(Sort(Seq Scan notes)))"},
	})
}

func TestRehearsal_EndsAMigrationThatHangsAndSaysThatOneDied(t *testing.T) {
	t.Parallel()
	findFlaws(t, []flaw{
		{version: "hangs", code: "migration.hung", check: understudy.CheckMigration},
		{version: "dies", code: "migration.failed", check: understudy.CheckMigration},
	})
}

func TestRehearsal_FindsAReleaseThatDoesNotComeUp(t *testing.T) {
	t.Parallel()
	findFlaws(t, []flaw{
		{version: "exits", code: "deployment.not-ready", check: understudy.CheckDeployment},
		{version: "sick", code: "deployment.not-ready", check: understudy.CheckDeployment},
		{version: "forks", code: "deployment.not-ready", check: understudy.CheckDeployment},
	})
}

func TestRehearsal_FindsWhatIsMissingAndWhatTestsSay(t *testing.T) {
	t.Parallel()
	findFlaws(t, []flaw{
		{version: "untested", code: "tests.failed", check: understudy.CheckTests},
		{version: "keyless", code: "config.missing", check: understudy.CheckConfig},
	})
}

func TestRehearsal_TriesMigrationsAndStartsThatMigrateInWaysThatProductionWouldNotForgive(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.second = archive
	h.write(t, "understudy.yaml", h.yaml())
	h.findFlaws(t, []flaw{
		{version: "half-built", code: "migration.interrupted", check: understudy.CheckMigration, says: "(invalid)", and: "public.notes.text has other values (rows: 3 changed in text: id=1 (changed in text)",
			also: "migration.exclusive-lock", alsoSays: "in database archive: ", locks: "archive/public.kept (ACCESS EXCLUSIVE)"},
		{version: "boots-badly", code: "migration.together", check: understudy.CheckMigration, says: `column "tint" of relation "notes" already exists`},
	}, "boots")
}

// findFlaws rehearses releases in which a flaw is to be found, after those that must pass.
func findFlaws(t *testing.T, flaws []flaw, sound ...string) {
	newHouse(t).findFlaws(t, flaws, sound...)
}

func (h *house) findFlaws(t *testing.T, flaws []flaw, sound ...string) {
	h.open(t)
	h.up(t)
	for _, name := range sound {
		h.release(t, name)
		h.passed(t, name)
	}
	for _, f := range flaws {
		t.Run(f.version, func(t *testing.T) { h.findFlaw(t, f) })
	}
	if now := h.whoServes(t); now != "old" {
		t.Errorf("production runs %s after rehearsals only", now)
	}
}

func (h *house) findFlaw(t *testing.T, flaw flaw) {
	h.release(t, flaw.version)
	r := h.rehearse(t, flaw.version)
	if r.State != understudy.RehearsalFailed {
		t.Errorf("it ended %s, expected failed", r.State)
	}
	if failed, _ := r.Done(flaw.check); failed.Outcome != understudy.OutcomeFailed {
		t.Errorf("check %s ended %q, expected failed", flaw.check, failed.Outcome)
	}
	if flaw.locks != "" && (r.Expected == nil || !slices.Contains(r.Expected.Locked(), flaw.locks)) {
		t.Errorf("%q is not expected: %+v", flaw.locks, r.Expected)
	}
	if !blocks(r, flaw.code, flaw.says) {
		t.Errorf("no blocking finding %s that says %q", flaw.code, flaw.says)
	}
	if !blocks(r, flaw.code, flaw.and) {
		t.Errorf("no blocking finding %s that says %q:\n%s", flaw.code, flaw.and, described(r))
	}
	if flaw.also != "" && !slices.ContainsFunc(r.Findings(), func(f understudy.Finding) bool {
		return f.Code == flaw.also && f.Severity != understudy.SeverityBlocking && strings.Contains(f.Seen, flaw.alsoSays)
	}) {
		t.Errorf("no finding %s beside it that says %q:\n%s", flaw.also, flaw.alsoSays, described(r))
	}
	_, err := h.Promote(limited(t), api.Promote{Release: flaw.version, By: "ops"})
	if understudy.KindOf(err) != understudy.KindRefused {
		t.Errorf("promoting it answered %v, expected a refusal", err)
	}
	if t.Failed() {
		t.Log(described(r))
	}
}

// blocks tells whether a rehearsal has a blocking finding of a code that says something.
func blocks(r understudy.Rehearsal, code, says string) bool {
	return slices.ContainsFunc(r.Findings(), func(f understudy.Finding) bool {
		return f.Code == code && f.Severity == understudy.SeverityBlocking && strings.Contains(f.Seen, says)
	})
}

func TestPromotion_GoesBackByItselfWhenTheNewReleaseIsWorse(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.open(t)
	h.up(t)
	h.release(t, "turncoat", "burning")
	visit(t, h.production)
	h.passed(t, "turncoat")
	p := h.promoted(t, h.promote(t, "turncoat").ID)
	if p.State != understudy.PromotionRolledBack || h.whoServes(t) != "old" {
		t.Fatalf("%s serves:\n%s", h.whoServes(t), told(p))
	}
	r := h.passed(t, "burning")
	if c, _ := r.Done(understudy.CheckMigration); !strings.Contains(c.Summary, "two at once both end well, with the data of an undisturbed run") {
		t.Errorf("of two at once it says: %s", c.Summary)
	}
	_, err := h.Promote(limited(t), api.Promote{Release: "burning", By: "ops"})
	if understudy.KindOf(err) != understudy.KindRefused || !strings.Contains(err.Error(), "held") {
		t.Errorf("a promotion after the rollback answered %v, expected the hold", err)
	}
	check(t, h.LiftHold(limited(t), "production", "ops", "understood"))
	if p := h.promoted(t, h.promote(t, "burning").ID); p.State != understudy.PromotionSettled {
		t.Fatalf("after the hold was lifted:\n%s", told(p))
	}
	h.isRestored(t, r)
	h.isRestoredThoughKilled(t, "burning")
}
