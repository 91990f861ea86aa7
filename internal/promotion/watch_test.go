package promotion_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"understudy"
	"understudy/internal/promotion"
)

// heard fails the test unless an event says each text.
func (w *world) heard(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !slices.ContainsFunc(w.said(), func(said string) bool { return strings.Contains(said, text) }) {
			t.Errorf("it does not say %q: %q", text, w.said())
		}
	}
}

// settleAfter runs a promotion that somebody settles after a time.
func settleAfter(t *testing.T, w *world, d time.Duration) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	time.AfterFunc(d, func() { cancel(promotion.Settle{By: "ada", Reason: "nobody comes at night"}) })
	if err, _ := w.live(ctx, fate{}); err != nil {
		t.Fatal(err)
	}
}

func TestSettle_EndsABakeThatNobodyComesTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, sound(func(s *story) { s.perSecond = 0 }))
		settleAfter(t, w, time.Hour)
		if diff := cmp.Diff(settled(), w.ends()); diff != "" {
			t.Error(diff)
		}
		w.heard(t, "too little traffic to judge", "understudy promotion settle p1 --reason", "ada settled it: nobody comes at night; it was not judged: 0 requests seen")
		w.journalTells(t, "settled")
	})
}

func TestSettle_IsHeededWhereverItComesInTheBake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		quiet := sound(func(s *story) { s.perSecond = 0 })
		for at := 1; at < 400; at += 7 {
			w := newWorld(t, quiet)
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(10*time.Second, func() { cancel(promotion.Settle{By: "ada", Reason: "seen"}) }) // where the first came before the bake
			err, _ := w.live(ctx, fate{at: at, tell: func() {
				if w.had.State == understudy.PromotionBaking {
					cancel(promotion.Settle{By: "ada", Reason: "seen"})
				}
			}})
			for range 2 {
				if err != nil {
					err, _ = w.live(ctx, fate{})
				}
			}
			if diff := cmp.Diff(settled(), w.ends()); diff != "" || err != nil {
				t.Errorf("call %d: %v\n%s", at, err, diff)
			}
			cancel(nil)
		}
	})
}

func TestSettle_ABadReleaseGoesBackAllTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, sound(func(s *story) {
			s.policy.Steps, s.policy.Bake = []int{100}, time.Hour
			s.unwell = func(_ int, lasted time.Duration) string {
				if lasted >= time.Minute {
					return "web is unhealthy"
				}
				return ""
			}
		}))
		settleAfter(t, w, time.Minute)
		if w.had.State != understudy.PromotionRolledBack || !strings.Contains(w.had.Reason, "web is unhealthy") {
			t.Errorf("it is %s: %s", w.had.State, w.had.Reason)
		}
	})
}

func TestRun_WhatTheLastLookCameToIsWrittenDownWhileItWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, sound(func(s *story) { s.perSecond = 8 }))
		began, seen := time.Now(), [2]string{}
		w.hear = func(p understudy.Promotion) {
			for i := range seen {
				if time.Since(began) <= time.Duration(5+2*i)*time.Second {
					_, seen[i] = p.Judged.Whole()
				}
			}
		}
		if err, _ := w.live(t.Context(), fate{}); err != nil {
			t.Fatal(err)
		}
		for i, said := range seen {
			if !strings.Contains(said, "50 are needed") || i > 0 && said == seen[i-1] {
				t.Errorf("while it waited for requests, the promotion told %q", seen)
			}
		}
	})
}

func TestRun_APolicyMaySettleWhatNobodyComesTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		w := undisturbed(t, sound(func(s *story) { s.perSecond, s.policy.WithoutTraffic = 0, understudy.SettleUnjudged }))
		if diff := cmp.Diff(settled(), w.ends()); diff != "" || time.Since(began) > time.Minute {
			t.Errorf("after %s: %s", time.Since(began), diff)
		}
		w.heard(t, "it settles without having been judged, as policy.bake_without_traffic says: 0 requests seen on v2; 50 are needed")
	})
}

func TestRun_APolicyForTooLittleTrafficSettlesNothingThatFailsMoreThanIsAllowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, sound(func(s *story) {
			s.perSecond, s.policy.Steps, s.policy.WithoutTraffic = 40, []int{100}, understudy.SettleUnjudged
			looks := 0
			s.errors = func(int) float64 { // one in forty: at the end of the bake that may be chance
				looks++
				return map[bool]float64{true: .11}[looks%4 == 0]
			}
		}))
		time.Sleep(time.Hour) // of the old release alone
		if err, _ := w.live(t.Context(), fate{}); err != nil {
			t.Fatal(err)
		}
		w.heard(t, "it cannot be told yet: 2 of 80 requests failed on v2 (2.5 %)")
		if w.had.State != understudy.PromotionRolledBack {
			t.Errorf("it is %s", w.had.State)
		}
	})
}

func TestRun_WhatStepsWereNotSeenBesideIsComparedWithBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, sound(func(s *story) { slow(s); s.policy.Steps = []int{100} }))
		time.Sleep(time.Hour) // of the old release alone
		if err, _ := w.live(t.Context(), fate{}); err != nil {
			t.Fatal(err)
		}
		if w.had.State != understudy.PromotionRolledBack || !strings.HasSuffix(w.had.Reason, "on v1 50ms before") {
			t.Errorf("it is %s: %s", w.had.State, w.had.Reason)
		}
	})
}

func TestRun_TellsThatTheWarmReleaseDiedAndCameBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := undisturbed(t, sound(func(s *story) {
			s.policy.Bake = 10 * time.Second
			s.cold = func(lasted time.Duration) bool { return lasted > 2*time.Second && lasted < 5*time.Second }
		}))
		if diff := cmp.Diff(settled(), w.ends()); diff != "" {
			t.Error(diff)
		}
		w.heard(t, "v1, which is kept warm, is not well: it has gone; it is brought back", "v1 is warm again")
		if n := strings.Count(strings.Join(w.said(), "\n"), "kept warm, is not well"); n != 1 {
			t.Errorf("it says so %d times", n)
		}
	})
}

// measuring is a story with one metric, measured each second.
func measuring(change func(m *understudy.Metric), measure func(ctx context.Context, of promotion.Window) understudy.Measurement) story {
	return sound(func(s *story) {
		m := understudy.Metric{Name: "orders", PromQL: "x", URL: "http://x", Interval: time.Second}
		change(&m)
		s.policy.Metrics, s.policy.Bake = []understudy.Metric{m}, 20*time.Second
		s.measure = measure
	})
}

func gives(v float64) understudy.Measurement {
	return understudy.Measurement{Outcome: understudy.OutcomePassed, Value: &v}
}

func TestMetrics_DecideAsThePolicySays(t *testing.T) {
	at := func(max float64) func(m *understudy.Metric) { return func(m *understudy.Metric) { m.Max = &max } }
	dry := func(m *understudy.Metric) { at(5)(m); m.DryRun = true }
	silent := understudy.Measurement{Outcome: understudy.OutcomeError, Says: "Prometheus at x does not answer"}
	for _, c := range []struct {
		claim   string
		change  func(m *understudy.Metric)
		measure func(_ context.Context, of promotion.Window) understudy.Measurement
		want    understudy.PromotionState
		says    string
	}{
		{"within", at(5), func(context.Context, promotion.Window) understudy.Measurement { return gives(3) }, understudy.PromotionSettled, "v1 is kept warm"},
		{"beyond", at(5), func(context.Context, promotion.Window) understudy.Measurement { return gives(7) }, understudy.PromotionRolledBack, ""},
		{"beyond, dry", dry, func(context.Context, promotion.Window) understudy.Measurement { return gives(7) }, understudy.PromotionSettled, ""},
		{"no answer", at(5), func(context.Context, promotion.Window) understudy.Measurement { return silent }, understudy.PromotionBaking, "it could not be measured: metric orders"},
		{"compared", func(m *understudy.Metric) { m.Compare = 2 }, func(_ context.Context, of promotion.Window) understudy.Measurement {
			return gives(map[string]float64{"v1": 10, "v2": 15}[of.Release])
		}, understudy.PromotionSettled, ""},
		{"compared, worse", func(m *understudy.Metric) { m.Compare = 2 }, func(_ context.Context, of promotion.Window) understudy.Measurement {
			return gives(map[string]float64{"v1": 10, "v2": 25}[of.Release])
		}, understudy.PromotionRolledBack, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, measuring(c.change, c.measure))
			w.hear = func(p understudy.Promotion) { // whoever looks meanwhile sees all of a look, or of the one before
				if len(p.Judged) > 1 && !slices.ContainsFunc(p.Judged, func(j understudy.Judged) bool { return j.Name == "metric orders" }) {
					t.Errorf("%s: of a look is written down, without the metric: %+v", c.claim, p.Judged)
				}
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			err, _ := w.live(ctx, fate{})
			if w.had.State != c.want || (err == nil) != w.had.State.Ended() {
				t.Errorf("%s: it is %s, reason %q, and Run says %v", c.claim, w.had.State, w.had.Reason, err)
			}
			if c.want == understudy.PromotionRolledBack && !strings.Contains(w.had.Reason, "metric orders: 1 of 1 measurements failed") {
				t.Errorf("%s: it went back because %q", c.claim, w.had.Reason)
			}
			w.heard(t, c.says)
		})
	}
}

func TestMetrics_OneThatHangsHoldsUpNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var measured atomic.Int64
		story := measuring(func(m *understudy.Metric) { m.Timeout, m.Max = 3*time.Second, new(float64) }, func(ctx context.Context, _ promotion.Window) understudy.Measurement {
			measured.Add(1)
			<-ctx.Done()
			return understudy.Measurement{Outcome: understudy.OutcomeError, Says: "it did not end in time"}
		})
		story.unwell = func(share int, lasted time.Duration) string {
			if share == 100 && lasted > 10*time.Second {
				return "web is unhealthy"
			}
			return ""
		}
		w := newWorld(t, story)
		began := time.Now()
		if err, _ := w.live(t.Context(), fate{}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); w.had.State != understudy.PromotionRolledBack || took > 16*time.Second || measured.Load() < 3 {
			t.Errorf("after %s it is %s, measured %d times", took, w.had.State, measured.Load())
		}
	})
}

func TestMetrics_CountsOutliveTheProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int64
		s := measuring(func(m *understudy.Metric) { m.FailureLimit, m.Max = 1, new(float64) }, func(context.Context, promotion.Window) understudy.Measurement {
			if n.Add(1)%4 == 1 {
				return gives(1)
			}
			return gives(-1)
		})
		s.policy.Steps = []int{100}
		w := newWorld(t, s)
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(4*time.Second, func() { cancel(context.Canceled) })
		if err, _ := w.live(ctx, fate{}); err == nil || w.had.Metrics[0].Failed != 1 {
			t.Fatalf("it ends with %v, measured %+v", err, w.had.Metrics)
		}
		if err, _ := w.live(t.Context(), fate{}); err != nil || w.had.State != understudy.PromotionRolledBack || w.had.Metrics[0].Failed != 2 {
			t.Errorf("it is %s, measured %+v, and Run says %v", w.had.State, w.had.Metrics, err)
		}
	})
}

func TestRun_ADiskThatIsFullForATimeChangesNothingOfHowItEnds(t *testing.T) {
	full := errors.New("no space left on device")
	everyCall(t, func(t *testing.T, s story, want *world, f fate, claim string) {
		if f.after {
			return
		}
		w := newWorld(t, s)
		f.tell = func() { w.story.broken = map[string]error{"Save": full, "Record": full} }
		err, _ := w.live(t.Context(), f)
		if err == nil && !w.had.State.Ended() {
			t.Errorf("%s: it is %s, and Run says that it has ended", claim, w.had.State)
		}
		w.story.broken = nil
		if err, _ := w.live(t.Context(), fate{}); err != nil {
			t.Fatalf("%s: going on: %v", claim, err)
		}
		if diff := cmp.Diff(want.ends(), w.ends()); diff != "" {
			t.Errorf("%s: it ends otherwise:\n%s", claim, diff)
		}
		w.journalTells(t, claim)
	})
}

func TestContract_SaysThatThereIsNoWayBackBeforeItBegins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := undisturbed(t, stories()["the contract follows"])
		w.heard(t, "the contract migration follows, as policy.contract says; there is no way back to v1 after it",
			"the contract migration begins: there is no way back to v1 any more", "contract migration: migrated in 1s")
		if !w.had.Contract.Begun || w.had.Contract.Wanted {
			t.Errorf("%+v", w.had.Contract)
		}
		w = undisturbed(t, stories()["the contract was not rehearsed"])
		if w.had.Contract.Begun || !strings.Contains(w.had.Contract.Said, "it was not rehearsed") {
			t.Errorf("%+v", w.had.Contract)
		}
	})
}

func TestContract_DoesNotRunByItselfWhereOnlyTheConfigurationChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := undisturbed(t, sound(func(s *story) { contracts(s); s.again = true }))
		if w.had.State != understudy.PromotionSettled || w.had.Contract != nil || !w.running[oldID] || w.schema != "new" {
			t.Errorf("it is %s, %+v, running %v, schema %s", w.had.State, w.had.Contract, w.running, w.schema)
		}
		w.heard(t, "is kept warm: understudy rollback production goes back to it")
		if all := strings.Join(w.had.Changes, "\n"); strings.Contains(all, "contract migration") || !strings.Contains(all, "its configuration in production is another one") {
			t.Errorf("the changes say:\n%s", all)
		}
	})
}

func TestContract_ByHandWaitsUntilSomebodyAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := undisturbed(t, sound(func(s *story) { contracts(s); s.policy.Contract = understudy.ContractByHand }))
		if diff := cmp.Diff(settled(), w.ends()); diff != "" {
			t.Error(diff)
		}
		w.heard(t, "until understudy promotion contract p1 takes away what only it needs")
		p := w.had
		p.Contract = &understudy.Contract{By: "ada", Wanted: true}
		w.put(p)
		if err, _ := w.live(t.Context(), fate{}); err != nil || w.had.State != understudy.PromotionContracted || w.running[oldID] {
			t.Errorf("it is %s, running %v, and Run says %v", w.had.State, w.running, err)
		}
	})
}

func TestContract_DoesNotRunByItselfWhereTheGlassWasBroken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := undisturbed(t, sound(func(s *story) {
			contracts(s)
			s.debt, s.glass = "v1 went there by breaking the glass", glass()
		}))
		if w.had.State != understudy.PromotionSettled || w.had.Contract != nil || !w.running[oldID] {
			t.Errorf("it is %s, %+v, running %v", w.had.State, w.had.Contract, w.running)
		}
		w.heard(t, "until understudy promotion contract p1 takes away what only it needs")
	})
}

func TestContract_DoesNotRunByItselfWhereNothingWasJudged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := undisturbed(t, sound(func(s *story) {
			contracts(s)
			s.perSecond, s.policy.WithoutTraffic = 0, understudy.SettleUnjudged
		}))
		if w.had.State != understudy.PromotionSettled || w.had.Contract != nil || !w.running[oldID] {
			t.Errorf("it is %s, %+v, running %v", w.had.State, w.had.Contract, w.running)
		}
	})
}
