package rehearsal_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"understudy"
	"understudy/internal/rehearsal"
)

// candidate is a release with everything that there is to look at.
func candidate() understudy.Release {
	return understudy.Release{
		Digest: understudy.DigestOf([]byte("v2")), Label: "v2",
		Application: understudy.Application{
			Name:      "shop",
			Migration: &understudy.Migration{Up: []string{"up"}, Down: []string{"down"}, Back: understudy.WayDown},
			Tests:     []understudy.Test{{Name: "unit"}, {Name: "end to end"}},
		},
	}
}

// booting is a release that has no command for its schema.
func booting() story {
	s := story{candidate: candidate()}
	s.candidate.Application.Migration = nil
	s.candidate.Application.Databases = []understudy.Database{{Name: "main"}}
	return s
}

// stories are the courses that a rehearsal can take; each is killed everywhere.
func stories() map[string]story {
	return map[string]story{
		"nothing is wrong": {candidate: candidate()},
		"the migration stops half way": {candidate: candidate(), up: func(rehearsal.Copy) rehearsal.Migrated {
			return rehearsal.Migrated{Took: time.Second, Said: "must be owner of extension", Findings: []understudy.Finding{{Code: "migration.failed", Severity: understudy.SeverityBlocking}}}
		}},
		"the old release breaks": {candidate: candidate(), answer: func(at state, _ int) string {
			if at.serving == rehearsal.Baseline && at.schema == "new" {
				return "GET /orders → 500"
			}
			return ""
		}},
		"the candidate does not start": {candidate: candidate(), notReady: understudy.Errorf(understudy.KindFailed, "web ended with status 1")},
		"the way back loses data":      {candidate: candidate(), losses: []rehearsal.Loss{{Table: "public.users", What: "12 rows", Count: 12}}},
		"a flag breaks it":             flagBreaks(),
		"nobody comes":                 {candidate: candidate(), quiet: true},
		"the way back is a restore":    restoring(nil),
		"it cannot be restored": restoring(func(s *story) {
			s.restore = func() rehearsal.Restored { return rehearsal.Restored{Said: "the copy is damaged"} }
		}),
		"its start is its migration": booting(),
		"it is found by an experiment": {candidate: candidate(), tried: map[string]rehearsal.Tried{"together": {Summary: "the two met",
			Findings: []understudy.Finding{{Code: "migration.together", Severity: understudy.SeverityBlocking}}}}},
		"a test fails": {candidate: candidate(), test: func(name string, _ int) rehearsal.Tested {
			return rehearsal.Tested{Passed: name == "unit", Ran: 1, Failed: []string{"TestBuy"}}
		}},
	}
}

// undisturbed runs a story to its end.
func undisturbed(t *testing.T, s story) *world {
	t.Helper()
	w := newWorld(t, s)
	if err, _ := w.live(t.Context(), fate{}); err != nil {
		t.Fatalf("undisturbed: %v", err)
	}
	w.mustHaveEnded(t, "undisturbed")
	return w
}

// mustHaveEnded holds an ended rehearsal against what is always so.
func (w *world) mustHaveEnded(t *testing.T, claim string) {
	t.Helper()
	r := w.rehearsal()
	if !r.State.Ended() || r.EndedAt.IsZero() || r.Step != "" {
		t.Errorf("%s: the rehearsal is %s at step %q", claim, r.State, r.Step)
	}
	if w.open || w.audience != nil {
		t.Errorf("%s: the stage is open (%t) or the audience still there (%t)", claim, w.open, w.audience != nil)
	}
	var names []string
	for _, c := range r.Checks {
		names = append(names, c.Name)
		for _, f := range c.Findings {
			if text := f.Title + f.Would + f.Remedy; strings.ContainsAny(text, "{}") {
				t.Errorf("%s: finding %s has a blank that nobody filled in: %s", claim, f.Code, text)
			}
		}
	}
	if r.State != understudy.RehearsalCancelled && !slices.Equal(names, understudy.Checks()) {
		t.Errorf("%s: the checks are %v", claim, names)
	}
	if signed := len(w.verdicts); (r.Verdict != "") != (signed == 1) {
		t.Errorf("%s: verdict %q, and %d signed", claim, r.Verdict, signed)
	}
	w.journalTells(t, claim, names)
}

// journalTells holds the journal against the checks that ended: each was started before,
// and none ended before the one that comes before it.
func (w *world) journalTells(t *testing.T, claim string, ended []string) {
	t.Helper()
	var started, told []string
	for _, line := range w.journal {
		if name, is := strings.CutPrefix(line, "check.started "); is {
			started = append(started, name)
		}
		name, is := strings.CutPrefix(line, "check.ended ")
		if !is {
			continue
		}
		if len(started) == 0 || started[len(started)-1] != name {
			t.Errorf("%s: the journal ends check %s, and began %v", claim, name, started)
		}
		if len(told) == 0 || told[len(told)-1] != name { // told twice where a crash came between telling and saving
			told = append(told, name)
		}
	}
	if len(told) < len(ended) || !slices.Equal(told[:len(ended)], ended) {
		t.Errorf("%s: the journal tells of %v, the checks are %v", claim, told, ended)
	}
}

// everyCall tries a fate at every call of every story, now before its effect and now after.
// (To be killed after an effect is to be killed before the next call.)
func everyCall(t *testing.T, test func(t *testing.T, s story, want *world, f fate, claim string)) {
	for name, s := range stories() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				want := undisturbed(t, s)
				for at := 1; at <= want.calls; at++ {
					after := at%2 == 0
					test(t, s, want, fate{at: at, after: after}, fmt.Sprintf("call %d of %d, after its effect: %t", at, want.calls, after))
				}
			})
		})
	}
}

func TestRun_KilledAtAnyCallItEndsAsItWouldHave(t *testing.T) {
	everyCall(t, func(t *testing.T, s story, want *world, f fate, claim string) {
		f.after = false
		w := newWorld(t, s)
		if err, died := w.live(t.Context(), f); !died {
			t.Fatalf("%s: nobody died: %v", claim, err)
		}
		running := w.rehearsal().State == understudy.RehearsalRunning
		if err, _ := w.live(t.Context(), fate{}); err != nil {
			t.Fatalf("%s: going on: %v", claim, err)
		}
		w.mustHaveEnded(t, claim)
		if diff := cmp.Diff(want.ends(), w.ends()); diff != "" {
			t.Errorf("%s: it ends otherwise:\n%s", claim, diff)
		}
		if r := w.rehearsal(); running && r.Resumed != 1 {
			t.Errorf("%s: resumed %d times", claim, r.Resumed)
		}
		if t.Failed() {
			t.FailNow()
		}
	})
}

func TestRun_KilledAgainAndAgainItEndsAsItWouldHave(t *testing.T) {
	for name, s := range stories() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				want := undisturbed(t, s)
				for range 15 {
					w := newWorld(t, s)
					var deaths []fate
					for died := true; died && len(deaths) < 5; {
						deaths = append(deaths, fate{at: 1 + rand.N(want.calls), after: rand.N(2) == 0})
						_, died = w.live(t.Context(), deaths[len(deaths)-1])
					}
					claim := fmt.Sprintf("deaths at %+v", deaths)
					if err, _ := w.live(t.Context(), fate{}); err != nil {
						t.Fatalf("%s: %v", claim, err)
					}
					w.mustHaveEnded(t, claim)
					if diff := cmp.Diff(want.ends(), w.ends()); diff != "" {
						t.Fatalf("%s: it ends otherwise:\n%s", claim, diff)
					}
				}
			})
		})
	}
}

func TestRun_CancelledAtAnyCallItEndsCancelled(t *testing.T) {
	everyCall(t, func(t *testing.T, s story, want *world, f fate, claim string) {
		w := newWorld(t, s)
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		f.tell = func() { cancel(fmt.Errorf("%w by ada", rehearsal.ErrCancelled)) }
		if err, _ := w.live(ctx, f); err != nil {
			t.Fatalf("%s: %v", claim, err)
		}
		w.mustHaveEnded(t, claim)
		r := w.rehearsal()
		if len(w.verdicts) == 1 { // it came too late
			if diff := cmp.Diff(want.ends(), w.ends()); diff != "" {
				t.Errorf("%s: signed, and then ended otherwise:\n%s", claim, diff)
			}
		} else if r.State != understudy.RehearsalCancelled || r.Reason != "cancelled by ada" {
			t.Errorf("%s: it is %s because %q", claim, r.State, r.Reason)
		}
		if last := w.journal[len(w.journal)-1]; last != "rehearsal."+string(r.State) {
			t.Errorf("%s: the journal's last word is %s", claim, last)
		}
	})
}

func TestRun_TheDaemonsEndLeavesItToGoOn(t *testing.T) {
	everyCall(t, func(t *testing.T, s story, want *world, f fate, claim string) {
		shutdown := errors.New("the daemon ends")
		w := newWorld(t, s)
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		f.tell = func() { cancel(shutdown) }
		err, _ := w.live(ctx, f)
		ended := w.rehearsal().State.Ended()
		if !ended && !errors.Is(err, shutdown) || ended && err != nil {
			t.Errorf("%s: it is %s, and Run says %v", claim, w.rehearsal().State, err)
		}
		if w.open || w.audience != nil {
			t.Errorf("%s: the stage is left open", claim)
		}
		if err, _ := w.live(t.Context(), fate{}); err != nil {
			t.Fatalf("%s: going on: %v", claim, err)
		}
		if diff := cmp.Diff(want.ends(), w.ends()); diff != "" {
			t.Errorf("%s: it ends otherwise:\n%s", claim, diff)
		}
	})
}

func TestRun_WhatHasEndedIsLetBe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := undisturbed(t, stories()["nothing is wrong"])
		before, entered := w.written(), w.entered
		if err, _ := w.live(t.Context(), fate{}); err != nil {
			t.Error(err)
		}
		if w.written() != before || w.entered != entered {
			t.Error("an ended rehearsal was touched")
		}
	})
}

func TestRun_EveryUndisturbedStepIsInTheJournalOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := undisturbed(t, stories()["nothing is wrong"])
		want := []string{"rehearsal.started"}
		for _, name := range understudy.Checks() {
			want = append(want, "check.started "+name, "check.ended "+name)
		}
		if diff := cmp.Diff(append(want, "rehearsal.passed"), w.journal); diff != "" {
			t.Error(diff)
		}
		if w.entered != 1 || w.closed != 1 {
			t.Errorf("entered %d times, closed %d times", w.entered, w.closed)
		}
	})
}

func TestRun_TheStatementBindsWhatWasSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stories()["nothing is wrong"]
		s.candidate.Artifact.Digest, s.candidate.Config = understudy.DigestOf([]byte("a")), understudy.DigestOf([]byte("c"))
		ran := understudy.ConfigRan{Program: "web", Print: "a1", Read: "kernel"}
		s.bits = []rehearsal.Bit{{Service: "web", Match: true, Given: "a1", Config: ran}}
		s.settings.Changes = []understudy.ConfigChange{{Key: "PAGE_SIZE", Change: "changed", Service: "web"}, {Key: "PAGE_SIZE", Change: "changed", Service: "worker"}}
		s.candidate.Migrations, s.candidate.Flags = understudy.DigestOf([]byte("m")), understudy.DigestOf([]byte("f"))
		w := undisturbed(t, s)
		got := w.verdicts[rehearsalID]
		policy := understudy.Policy{}.WithDefaults()
		production := understudy.Fingerprint{Environment: "production", Release: understudy.DigestOf([]byte("v1")), Config: "print"}
		gate := understudy.Gate{Release: s.candidate, Production: production, Policy: policy, Now: time.Now()}
		if why := gate.Refusals(got); len(why) > 0 {
			t.Errorf("what was just rehearsed is refused: %q", why)
		}
		digest, err := understudy.DigestOfValue(policy)
		if err != nil || got.Policy != digest || got.LockTimeout != policy.LockTimeout || got.Migrated != 200*time.Millisecond || !got.OldRunsOnNew {
			t.Errorf("statement %+v, %v", got, err)
		}
		if e := got.Expected; e == nil || len(e.Runs) != 2 || e.High != 200*time.Millisecond {
			t.Errorf("it expects %+v, want what the run under traffic and the one alone came to", e)
		}
		if !slices.Equal(got.Running, []understudy.ConfigRan{ran}) {
			t.Errorf("it ran with %+v, want %+v", got.Running, ran)
		}
		if got.Terms == nil || len(got.Terms.Changes(policy)) > 0 {
			t.Errorf("it does not say what policy it was held against: %+v", got.Terms)
		}
		if r := got.Radius; r == nil || r.Against != production.Release || r.Migration == nil || !slices.Equal(r.Keys, []string{"PAGE_SIZE"}) {
			t.Errorf("its radius is %+v, want one against what production runs, with a migration and the key that changes", r)
		}
		if got.Snapshot.ID != "s1" || got.Baseline != production.Release || got.StartedAt.IsZero() || got.EndedAt.Before(got.StartedAt) {
			t.Errorf("statement %+v", got)
		}
	})
}

func TestRun_AHouseThatCannotBeEnteredEndsItInError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stories()["nothing is wrong"]
		s.broken = map[string]error{"Enter": errors.New("no PostgreSQL on this machine")}
		w := newWorld(t, s)
		if err, _ := w.live(t.Context(), fate{}); err != nil {
			t.Error(err)
		}
		if r := w.rehearsal(); r.State != understudy.RehearsalError || r.Reason != "no PostgreSQL on this machine" || len(w.verdicts) != 0 {
			t.Errorf("it is %s because %q, %d verdicts", r.State, r.Reason, len(w.verdicts))
		}
	})
}

func TestRun_ACheckThatCannotLookIsAnErrorAndTheOthersGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stories()["nothing is wrong"]
		s.broken = map[string]error{"Compare": errors.New("the configuration cannot be read")}
		w := undisturbed(t, s)
		c, _ := w.rehearsal().Done(understudy.CheckConfig)
		if c.Outcome != understudy.OutcomeError || c.Summary != "could not look: the configuration cannot be read" {
			t.Errorf("%s: %s", c.Outcome, c.Summary)
		}
		if r := w.rehearsal(); r.State != understudy.RehearsalError || w.verdicts[rehearsalID].Outcome != understudy.OutcomeError {
			t.Errorf("it is %s", r.State)
		}
	})
}

func TestRun_OnATwinThatCouldNotBeSetNothingIsLookedAt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stories()["nothing is wrong"]
		s.broken = map[string]error{"Reset": errors.New("production does not answer")}
		w := undisturbed(t, s)
		for _, c := range w.rehearsal().Checks {
			if c.Outcome != understudy.OutcomeError || c.Name != understudy.CheckTwin && !strings.Contains(c.Summary, "the twin could not be set") {
				t.Errorf("%s is %s: %s", c.Name, c.Outcome, c.Summary)
			}
		}
		if n := len(w.rehearsal().Checks); n != len(understudy.Checks()) || w.verdicts[rehearsalID].Outcome != understudy.OutcomeError {
			t.Errorf("%d checks, and it ended %s", n, w.verdicts[rehearsalID].Outcome)
		}
	})
}

func TestRun_WhatACheckFoundIsNotLostWhenItCannotGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stories()["nothing is wrong"]
		s.leaks = []string{"smtp to 203.0.113.1"}
		s.broken = map[string]error{"Start baseline": errors.New("no room on the disk")}
		w := undisturbed(t, s)
		c, _ := w.rehearsal().Done(understudy.CheckTwin)
		if c.Outcome != understudy.OutcomeFailed || !slices.Equal(w.codes(understudy.CheckTwin), []string{"blocking seal.leaked"}) {
			t.Errorf("%s with %v", c.Outcome, w.codes(understudy.CheckTwin))
		}
		if !strings.Contains(c.Summary, "no room on the disk") {
			t.Errorf("summary %q", c.Summary)
		}
	})
}

func TestRun_AStageThatCannotBeClosedIsNoPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stories()["nothing is wrong"]
		s.broken = map[string]error{"Close": errors.New("web does not end")}
		w := newWorld(t, s)
		if err, _ := w.live(t.Context(), fate{}); err != nil {
			t.Error(err)
		}
		if r := w.rehearsal(); r.State != understudy.RehearsalError || r.Reason != "web does not end" || len(w.verdicts) != 0 {
			t.Errorf("it is %s because %q, %d verdicts", r.State, r.Reason, len(w.verdicts))
		}
	})
}
