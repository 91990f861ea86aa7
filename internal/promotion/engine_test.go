package promotion_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"understudy"
	"understudy/internal/promotion"
)

func release() understudy.Release {
	return understudy.Release{
		Digest: understudy.DigestOf([]byte("v2")), Label: "v2",
		Artifact: understudy.Artifact{Digest: understudy.DigestOf([]byte("tree"))}, Config: understudy.DigestOf([]byte("config")),
		Migrations:  understudy.DigestOf([]byte("migrations")),
		Application: understudy.Application{Name: "shop", Migration: &understudy.Migration{Up: []string{"up"}}},
	}
}

// sound is a story in which nothing goes wrong, changed.
func sound(change func(s *story)) story {
	s := story{
		release: release(), perSecond: 200,
		policy: understudy.Policy{SafetyCopy: true, Steps: []int{10, 50, 100}, StepFor: time.Second, Bake: 2 * time.Second},
	}
	if change != nil {
		change(&s)
	}
	return s
}

// stories are the courses that a promotion can take, and how each ends; each is killed everywhere.
func stories() map[string]story {
	return map[string]story{
		"nothing goes wrong":              sound(nil),
		"an earlier release is kept warm": sound(func(s *story) { s.standby = "production-before" }),
		"no migration, one step": sound(func(s *story) {
			s.release.Application.Migration, s.policy.SafetyCopy, s.policy.Steps = nil, false, []int{100}
		}),
		"the gate refuses":           sound(func(s *story) { s.held = "v0 was taken back" }),
		"the glass is broken":        sound(func(s *story) { s.attested, s.glass = promotion.Unrehearsed{Why: "it was never rehearsed"}, glass() }),
		"no safety copy can be made": sound(func(s *story) { s.copying = errors.New("no room on the disk") }),
		"the migration fails":        sound(func(s *story) { s.migrate = errors.New("exit status 1") }),
		"the migration surprises": sound(func(s *story) {
			s.tells = []string{"try 1 waits for a quiet moment", "nothing of the schema has changed"}
			s.migrate = errors.New("it was stopped: it takes SHARE on public.users, which the rehearsal did not see")
		}),
		"it does not become ready": sound(func(s *story) { s.notReady = understudy.Errorf(understudy.KindFailed, "web ended") }),
		"errors during the first step": sound(func(s *story) {
			s.errors = func(share int) float64 { return 0.5 }
		}),
		"errors once it serves all": sound(func(s *story) {
			s.errors = func(share int) float64 {
				if share == 100 {
					return 0.5
				}
				return 0
			}
		}),
		"the way back is a restore": restoring(true, nil),
		"it hangs":                  brief(func(s *story) { s.hangs = func(int) bool { return true } }),
		"it is slow":                brief(slow),
		"a worker takes turns":      brief(func(s *story) { s.turns = true }),
		"a worker takes turns, and it is bad": brief(func(s *story) {
			s.turns = true
			s.errors = func(share int) float64 { return float64(share / 100) }
		}),
		"a worker cannot be handed over": brief(func(s *story) { s.turns, s.notHanded = true, errors.New("worker ended") }),
		"the contract follows":           brief(contracts),
		"the contract does not run through": brief(func(s *story) {
			contracts(s)
			s.contract = errors.New("exit status 1")
		}),
		"the contract was not rehearsed": brief(func(s *story) { contracts(s); s.statement = nil }),
		"it dies while it bakes": sound(func(s *story) {
			s.unwell = func(share int, lasted time.Duration) string {
				if share == 100 && lasted > time.Second {
					return "web ended and was started again 1 times"
				}
				return ""
			}
		}),
	}
}

// brief is sound in one step, watched for a moment only.
func brief(change func(s *story)) story {
	return sound(func(s *story) {
		s.policy.Steps, s.policy.StepFor, s.policy.Bake, s.policy.StalledFor = []int{50, 100}, 500*time.Millisecond, 500*time.Millisecond, 250*time.Millisecond
		change(s)
	})
}

// slow makes the new release take ten times as long as the old one.
func slow(s *story) {
	s.perSecond = 2000
	s.latency = func(id string) time.Duration {
		if id == newID {
			return 500 * time.Millisecond
		}
		return 50 * time.Millisecond
	}
}

// contracts lets a contract migration follow by itself.
func contracts(s *story) {
	m := *s.release.Application.Migration
	m.Contract = []string{"contract"}
	s.release.Application.Migration = &m
	s.policy.Contract = understudy.ContractAfterBake
	s.statement = func(s *understudy.Statement) { s.Contract = &understudy.Expectation{} }
}

func undisturbed(t *testing.T, s story) *world {
	t.Helper()
	w := newWorld(t, s)
	if err, _ := w.live(t.Context(), fate{}); err != nil {
		t.Fatalf("undisturbed: %v", err)
	}
	return w
}

// settled is how a promotion ends that nothing is wrong with.
func settled() ends {
	return ends{
		State: understudy.PromotionSettled, Shares: "map[production-p1:100]", Running: "map[production-p0:true production-p1:true]",
		Serving: newID, Standby: oldID, Schema: "new", Copies: 1, Old: oldID, New: newID,
	}
}

// takenBack is how one ends that was taken back.
func takenBack() ends {
	return ends{
		State: understudy.PromotionRolledBack, Shares: "map[production-p0:100]", Running: "map[production-p0:true]",
		Serving: oldID, Schema: "new", Copies: 1, Held: true, Old: oldID, New: newID, Back: true,
	}
}

func TestRun_EndsAsItsStoryMust(t *testing.T) {
	with := func(e ends, change func(e *ends)) ends { change(&e); return e }
	contracted := with(settled(), func(e *ends) { // nothing is kept warm any more
		e.State, e.Schema, e.Standby, e.Running = understudy.PromotionContracted, "contracted", "", "map[production-p1:true]"
	})
	for name, want := range map[string]ends{
		"nothing goes wrong":              settled(),
		"an earlier release is kept warm": settled(),
		"no migration, one step":          with(settled(), func(e *ends) { e.Schema, e.Copies = "old", 0 }),
		"the gate refuses": {
			State: understudy.PromotionRefused, Shares: "map[production-p0:100]", Running: "map[production-p0:true]",
			Serving: oldID, Schema: "old", Held: true, Refused: 1,
		},
		"the glass is broken":                 settled(),
		"no safety copy can be made":          with(takenBack(), func(e *ends) { e.Schema, e.Copies = "old", 0 }),
		"the migration fails":                 with(takenBack(), func(e *ends) { e.Schema = "half" }),
		"it does not become ready":            takenBack(),
		"it hangs":                            takenBack(),
		"it is slow":                          takenBack(),
		"a worker takes turns":                with(settled(), func(e *ends) { e.Worker = newID }),
		"a worker takes turns, and it is bad": with(takenBack(), func(e *ends) { e.Worker = oldID }),
		"a worker cannot be handed over":      with(takenBack(), func(e *ends) { e.Worker = oldID }),
		"the contract follows":                contracted,
		"the contract does not run through": with(contracted, func(e *ends) {
			e.State, e.Schema = understudy.PromotionSettled, "half-contracted"
		}),
		"the contract was not rehearsed": settled(),
		"errors during the first step":   takenBack(),
		"errors once it serves all":      takenBack(),
		"it dies while it bakes":         takenBack(),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := undisturbed(t, stories()[name])
				if diff := cmp.Diff(want, w.ends()); diff != "" {
					t.Error(diff)
				}
				w.journalTells(t, name)
			})
		})
	}
}

// journalTells holds the journal against the moves of a promotion's life. A state may be
// told of twice, where a crash came between telling and saving. That the old release answers
// again is told while it goes back.
func (w *world) journalTells(t *testing.T, claim string) {
	t.Helper()
	last := understudy.PromotionPlanned
	for _, line := range w.journal {
		if line == "rollback.answered" && last == understudy.PromotionRollingBack {
			continue
		}
		state := understudy.PromotionState(strings.TrimPrefix(line, "promotion."))
		if state != last && !last.CanBecome(state) {
			t.Errorf("%s: the journal goes from %s to %s: %v", claim, last, state, w.journal)
		}
		last = state
	}
	if last != w.had.State {
		t.Errorf("%s: the journal's last word is %s, and the promotion is %s", claim, last, w.had.State)
	}
}

func everyCall(t *testing.T, test func(t *testing.T, s story, want *world, f fate, claim string)) {
	for name, s := range stories() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				want := undisturbed(t, s)
				for at := 1; at <= want.calls && !t.Failed(); at++ {
					for _, after := range []bool{false, true} {
						test(t, s, want, fate{at: at, after: after}, fmt.Sprintf("call %d of %d, after its effect: %t", at, want.calls, after))
					}
				}
			})
		})
	}
}

func TestRun_KilledAtAnyCallItEndsAsItWouldHaveAndProductionServes(t *testing.T) {
	everyCall(t, func(t *testing.T, s story, want *world, f fate, claim string) {
		if f.after { // to die after an effect is to die before the next call
			return
		}
		w := newWorld(t, s)
		if err, died := w.live(t.Context(), f); !died {
			t.Fatalf("%s: nobody died: %v", claim, err)
		}
		if err, _ := w.live(t.Context(), fate{}); err != nil {
			t.Fatalf("%s: going on: %v", claim, err)
		}
		if diff := cmp.Diff(want.ends(), w.ends()); diff != "" {
			t.Errorf("%s: it ends otherwise:\n%s", claim, diff)
		}
		w.journalTells(t, claim)
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
		if ended := w.had.State.Ended(); !ended && err == nil || ended && err != nil {
			t.Errorf("%s: it is %s, and Run says %v", claim, w.had.State, err)
		}
		if err, _ := w.live(t.Context(), fate{}); err != nil {
			t.Fatalf("%s: going on: %v", claim, err)
		}
		if diff := cmp.Diff(want.ends(), w.ends()); diff != "" {
			t.Errorf("%s: it ends otherwise:\n%s", claim, diff)
		}
	})
}

func TestRun_AskedToGoBackAtAnyCallItGoesBack(t *testing.T) {
	everyCall(t, func(t *testing.T, s story, want *world, f fate, claim string) {
		w := newWorld(t, s)
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		f.tell = func() { cancel(promotion.GoBack{By: "ada", Reason: "the shop is slow"}) }
		err, _ := w.live(ctx, f)
		for range 2 { // as who carries it does: with the same wish
			if err != nil {
				err, _ = w.live(ctx, fate{})
			}
		}
		if err != nil {
			t.Fatalf("%s: it is %s, and Run says %v", claim, w.had.State, err)
		}
		switch got := w.ends(); got.State {
		case understudy.PromotionRefused:
			if got.Refused == 0 || got.Schema != "old" || got.Shares != "map[production-p0:100]" {
				t.Errorf("%s: refused, and %+v", claim, got)
			}
		case understudy.PromotionRolledBack:
			if got.Shares != "map[production-p0:100]" || got.Running != "map[production-p0:true]" || !got.Held || !got.Back {
				t.Errorf("%s: rolled back, and %+v", claim, got)
			}
		default:
			if c := w.had.Contract; c == nil || !c.Begun && got.State != understudy.PromotionSettled { // too late
				t.Errorf("%s: it is %s, though it was asked to go back", claim, got.State)
			}
		}
		w.journalTells(t, claim)
	})
}

func TestRun_AskedAgainWhileItGoesBackItDoesNothingMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stories()["it dies while it bakes"]
		want := undisturbed(t, s)
		first := slices.Index(want.journal, "promotion.rolling-back")
		if first < 0 {
			t.Fatal("it did not go back")
		}
		for at := 1; at <= want.calls; at++ {
			w := newWorld(t, s)
			ctx, cancel := context.WithCancelCause(t.Context())
			rolling := false
			err, _ := w.live(ctx, fate{at: at, tell: func() {
				if rolling = w.had.State == understudy.PromotionRollingBack; rolling {
					cancel(promotion.GoBack{By: "ada", Reason: "me too"})
				}
			}})
			for range 2 {
				if err != nil {
					err, _ = w.live(ctx, fate{})
				}
			}
			cancel(nil)
			if err != nil {
				t.Fatalf("call %d: it is %s, and Run says %v", at, w.had.State, err)
			}
			if diff := cmp.Diff(want.ends(), w.ends()); diff != "" {
				t.Errorf("call %d: it ends otherwise:\n%s", at, diff)
			}
			if rolling && w.had.Reason != want.had.Reason {
				t.Errorf("call %d: it went back because %q, and says %q", at, want.had.Reason, w.had.Reason)
			}
		}
	})
}

// rollBackSettled does what is done when somebody takes a settled promotion back.
func rollBackSettled(w *world) {
	p := w.had
	p.State, p.Reason, p.EndedAt = understudy.PromotionRollingBack, promotion.GoBack{By: "ada", Reason: "customers complain"}.Error(), time.Time{}
	w.put(p)
}

func TestRun_ASettledPromotionIsTakenBackWhereverItIsKilled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for at := 1; ; at++ {
			w := undisturbed(t, sound(nil))
			rollBackSettled(w)
			_, died := w.live(t.Context(), fate{at: at})
			if err, _ := w.live(t.Context(), fate{}); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(takenBack(), w.ends()); diff != "" {
				t.Errorf("killed at call %d:\n%s", at, diff)
			}
			if w.had.Reason != "ada asked to go back: customers complain" || w.hold != "v2 was taken back: ada asked to go back: customers complain" {
				t.Errorf("reason %q, hold %q", w.had.Reason, w.hold)
			}
			if !died {
				return
			}
		}
	})
}

func TestRun_WarmOldReleaseThatDiedIsRevivedBeforeTheTraffic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := undisturbed(t, sound(nil))
		delete(w.running, oldID)
		rollBackSettled(w)
		if err, _ := w.live(t.Context(), fate{}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(takenBack(), w.ends()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestRun_ARollbackThatCannotGoOnIsTriedAgainAndNeverTurned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, call := range []string{"Revive", "Split", "Hold", "Drain", "Stop"} {
			w := undisturbed(t, sound(nil))
			rollBackSettled(w)
			w.story.broken = map[string]error{call: errors.New("it does not answer")}
			if err, _ := w.live(t.Context(), fate{}); err == nil || w.had.State != understudy.PromotionRollingBack {
				t.Errorf("%s: it is %s, and Run says %v", call, w.had.State, err)
			}
			w.story.broken = nil
			if err, _ := w.live(t.Context(), fate{}); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(takenBack(), w.ends()); diff != "" {
				t.Errorf("%s: %s", call, diff)
			}
		}
	})
}

func TestRun_AStandbyThatIsNotKnownDoesNotHoldUpTheWayBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := undisturbed(t, sound(nil))
		rollBackSettled(w)
		w.story.broken = map[string]error{"Serving": understudy.Errorf(understudy.KindNotFound, "there is no deployment production-p9")}
		if err, _ := w.live(t.Context(), fate{}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(takenBack(), w.ends()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestRun_AWishToGoBackOutlivesACallThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, sound(nil))
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		w.story.broken = map[string]error{"Revive": errors.New("no room on the disk")}
		err, _ := w.live(ctx, fate{at: 60, tell: func() { cancel(promotion.GoBack{By: "ada", Reason: "slow"}) }})
		if err == nil || w.had.State != understudy.PromotionRollingBack {
			t.Fatalf("it is %s, and Run says %v", w.had.State, err)
		}
		w.story.broken = nil
		if err, _ := w.live(ctx, fate{}); err != nil { // the same wish, as whoever carries it has it
			t.Fatal(err)
		}
		if diff := cmp.Diff(takenBack(), w.ends()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestRun_TooLittleTrafficWaitsAndPassesOnceItComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, sound(func(s *story) { s.quietFor = time.Hour }))
		began := time.Now()
		if err, _ := w.live(t.Context(), fate{}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(settled(), w.ends()); diff != "" {
			t.Error(diff)
		}
		if took := time.Since(began); took < time.Hour || took > time.Hour+time.Minute {
			t.Errorf("it settled after %s", took)
		}
		waits := 0
		for _, text := range w.said() {
			if strings.Contains(text, "too little traffic to judge") && strings.Contains(text, "v1 kept warm") {
				waits++
			}
		}
		if waits != 1 {
			t.Errorf("it says %d times that it waits: %q", waits, w.said())
		}
	})
}

func TestRun_TooLittleTrafficIsNoReasonNotToGoBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, sound(func(s *story) { s.perSecond = 0 }))
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		time.AfterFunc(time.Hour, func() { cancel(promotion.GoBack{By: "ada", Reason: "nobody comes"}) })
		if err, _ := w.live(ctx, fate{}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(takenBack(), w.ends()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestRun_EachStepIsWatchedAsLongAsThePolicySays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		w := undisturbed(t, sound(nil))
		if took := time.Since(began); took < 4*time.Second || took > 5*time.Second {
			t.Errorf("two steps of 1 s and a bake of 2 s took %s", took)
		}
		for _, want := range []string{"safety copy: backups/p1", "migrated in 1s at try 1", "v2 is ready beside v1", "10 % of the traffic goes to v2",
			"50 % of the traffic goes to v2", "100 % of the traffic goes to v2", "v1 is kept warm: understudy rollback production goes back to it"} {
			if !slices.Contains(w.said(), want) {
				t.Errorf("it does not say %q: %q", want, w.said())
			}
		}
	})
}

func TestRun_WhatAnEarlierPromotionKeptWarmIsStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := undisturbed(t, stories()["an earlier release is kept warm"])
		if !slices.Equal(w.stopped, []string{"production-before"}) {
			t.Errorf("stopped: %v", w.stopped)
		}
	})
}

func TestRun_TheReasonNamesTheFigures(t *testing.T) {
	for name, want := range map[string]string{
		"no safety copy can be made":   "no safety copy could be made: no room on the disk",
		"the migration fails":          "the migration did not run through: exit status 1",
		"it does not become ready":     "v2 did not become ready: web ended",
		"errors during the first step": "requests failed on v2",
		"it dies while it bakes":       "v2 is not well: web ended",
	} {
		synctest.Test(t, func(t *testing.T) {
			w := undisturbed(t, stories()[name])
			if !strings.Contains(w.had.Reason, want) || !strings.Contains(w.hold, w.had.Reason) {
				t.Errorf("%s: reason %q, hold %q, want %q", name, w.had.Reason, w.hold, want)
			}
		})
	}
}

func TestRun_ErrorsInTheFirstStepNeverReachTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := undisturbed(t, stories()["errors during the first step"])
		for _, text := range w.said() {
			if strings.HasPrefix(text, "50 %") || strings.HasPrefix(text, "100 %") {
				t.Errorf("it went on: %q", w.said())
			}
		}
	})
}

func TestRun_AnEnvironmentThatRunsNothingIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := undisturbed(t, sound(func(s *story) { s.empty = true }))
		if w.had.State != understudy.PromotionRefused || len(w.had.Refusals) != 1 || !strings.Contains(w.had.Refusals[0], "production runs nothing") {
			t.Errorf("it is %s, refusals %q", w.had.State, w.had.Refusals)
		}
	})
}

func TestRun_WhatHasEndedIsLetBe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, s := range stories() {
			w := undisturbed(t, s)
			before, journal := string(w.record), len(w.journal)
			ctx, cancel := context.WithCancelCause(t.Context())
			if w.had.State != understudy.PromotionSettled && w.had.State != understudy.PromotionContracted { // a wish changes nothing where nothing can be taken back
				cancel(promotion.GoBack{By: "ada", Reason: "late"})
			}
			if err, _ := w.live(ctx, fate{}); err != nil || string(w.record) != before || len(w.journal) != journal {
				t.Errorf("%s: an ended promotion was touched: %v", name, err)
			}
			cancel(nil)
		}
	})
}

func TestRun_AWishThatComesAsItSettlesIsHeeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := undisturbed(t, sound(nil))
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(promotion.GoBack{By: "ada", Reason: "just in time"})
		if err, _ := w.live(ctx, fate{}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(takenBack(), w.ends()); diff != "" {
			t.Error(diff)
		}
		w.journalTells(t, "just settled")
	})
}

func TestGate_RefusesAndSaysWhy(t *testing.T) {
	for _, c := range []struct {
		claim string
		spoil func(s *story)
		want  string
	}{
		{"held", func(s *story) { s.held = "v0 was taken back" }, "production is held: v0 was taken back (understudy hold lift production --reason … ends it)"},
		{"cannot be started", func(s *story) { s.unfit = "configuration of service web: a key is missing" }, "configuration of service web: a key is missing"},
		{"runs already", func(s *story) {
			s.release.Digest = understudy.DigestOf([]byte("v1"))
		}, "production runs release v2 already"},
		{"never rehearsed", func(s *story) {
			s.attested = understudy.Errorf(understudy.KindRefused, "it was never rehearsed")
		}, "it was never rehearsed"},
		{"production moved", func(s *story) { s.statement = func(s *understudy.Statement) { s.Production.Config = "other" } },
			"production has moved since the rehearsal: its configuration has changed"},
		{"failed", func(s *story) { s.statement = func(s *understudy.Statement) { s.Outcome = understudy.OutcomeFailed } }, "its rehearsal r1 ended failed"},
		{"old", func(s *story) {
			s.statement = func(s *understudy.Statement) { s.EndedAt = s.EndedAt.Add(-48 * time.Hour) }
		}, "the verdict is 49h0m0s old; the policy allows 24h0m0s"},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := undisturbed(t, sound(c.spoil))
			if w.had.State != understudy.PromotionRefused || !slices.Equal(w.had.Refusals, []string{c.want}) {
				t.Errorf("%s: it is %s, refusals %q, want %q", c.claim, w.had.State, w.had.Refusals, c.want)
			}
			err := promotion.Refused(w.had)
			if understudy.KindOf(err) != understudy.KindRefused || !strings.Contains(err.Error(), c.want) || understudy.HintOf(err) == "" {
				t.Errorf("%s: %v", c.claim, err)
			}
		})
	}
}

func TestGate_ThatCannotBeLookedAtIsNoPermission(t *testing.T) {
	for _, call := range []string{"Release", "Policy", "Observe", "Held", "Fit", "Attested", "Serving"} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, sound(nil))
			w.story.broken = map[string]error{call: errors.New("it does not answer")}
			if err, _ := w.live(t.Context(), fate{}); err == nil || w.had.State != understudy.PromotionPlanned {
				t.Errorf("%s: it is %s, and Run says %v", call, w.had.State, err)
			}
		})
	}
}

func TestGate_ChangesNothingAndSaysWhatWouldChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, sound(nil))
		before := w.ends()
		p, err := w.engine().Gate(t.Context(), w.had)
		if err != nil || len(p.Refusals) > 0 || p.Verdict != "verdict-r1" {
			t.Fatalf("%+v, %v", p, err)
		}
		if diff := cmp.Diff(before, w.ends()); diff != "" || len(w.journal) > 0 {
			t.Errorf("looking changed something: %s %v", diff, w.journal)
		}
		all := strings.Join(p.Changes, "\n")
		for _, want := range []string{"a safety copy", "the migration runs", "release v2", "10, 50 and 100 % of the traffic", "watched for 2s more"} {
			if !strings.Contains(all, want) {
				t.Errorf("the changes do not say %q:\n%s", want, all)
			}
		}
	})
}
