package promotion_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"understudy"
	"understudy/internal/promotion"
)

// ended is a statement of a rehearsal that ended otherwise than passed.
func ended(outcome understudy.Outcome) func(*understudy.Statement) {
	return func(s *understudy.Statement) { s.Outcome = outcome }
}

func glass() *understudy.BrokenGlass {
	return &understudy.BrokenGlass{By: "ada", Reason: "the shop is down"}
}

func TestGate_BreakingTheGlassPassesWhatAPersonMayPassAndSaysWhat(t *testing.T) {
	never := promotion.Unrehearsed{Why: "it was never rehearsed"}
	for _, c := range []struct {
		claim, passes string
		change        func(s *story)
	}{
		{"never rehearsed", "it was never rehearsed", func(s *story) { s.attested = never }},
		{"failed", "ended failed", func(s *story) { s.statement = ended(understudy.OutcomeFailed) }},
		{"inconclusive", "ended inconclusive", func(s *story) { s.statement = ended(understudy.OutcomeInconclusive) }},
		{"a check is missing", "check twin", func(s *story) { s.statement = func(s *understudy.Statement) { s.Checks = s.Checks[1:] } }},
		{"old", "25h0m0s old", func(s *story) {
			s.statement = func(s *understudy.Statement) { s.EndedAt = time.Now().Add(-25 * time.Hour) }
		}},
		{"not long enough", "has stood for 1h0m0s", func(s *story) { s.policy.Soak = 2 * time.Hour }},
		{"nobody agrees", "0 of 2 approvals", func(s *story) { s.policy.Approvals = &understudy.ApprovalRule{Count: 2} }},
		{"frozen", "promotions are frozen", func(s *story) {
			s.policy.Freeze = []understudy.Window{{Rule: "FREQ=DAILY;BYHOUR=0", Days: 1, Zone: "UTC"}}
		}},
		{"a debt", "owed a rehearsal", func(s *story) { s.debt = "v1 went there by breaking the glass" }},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := undisturbed(t, sound(c.change))
			if w.had.State != understudy.PromotionRefused || !strings.Contains(strings.Join(w.had.Refusals, "\n"), c.passes) || len(w.had.Do) == 0 {
				t.Errorf("%s: with the glass whole it is %s, for %q, to do %q", c.claim, w.had.State, w.had.Refusals, w.had.Do)
			}
		})
		synctest.Test(t, func(t *testing.T) {
			w := undisturbed(t, sound(func(s *story) { c.change(s); s.glass = glass() }))
			got := w.had.Glass
			if w.had.State != understudy.PromotionSettled || got == nil || got.By != "ada" || got.Reason != "the shop is down" || !strings.Contains(strings.Join(got.Passed, "\n"), c.passes) {
				t.Errorf("%s: with the glass broken it is %s, refused for %q, having passed %+v", c.claim, w.had.State, w.had.Refusals, got)
			}
			if !slices.ContainsFunc(w.had.Changes, func(s string) bool {
				return strings.HasPrefix(s, "BREAK-GLASS passes over: ") && strings.Contains(s, c.passes)
			}) {
				t.Errorf("%s: its plan does not say so: %q", c.claim, w.had.Changes)
			}
		})
	}
}

func TestGate_TheGlassPassesOnlyWhatWasThereWhenItWasBroken(t *testing.T) {
	debt := func(s *story) { s.debt, s.glass = "v1 went there by breaking the glass", glass() }
	for over, want := range map[string]understudy.PromotionState{understudy.RequireRepaid: understudy.PromotionSettled, understudy.RequireFreeze: understudy.PromotionRefused} {
		synctest.Test(t, func(t *testing.T) {
			w := undisturbed(t, sound(func(s *story) { debt(s); s.glass.Over = []string{over} }))
			if w.had.State != want {
				t.Errorf("broken over %s, it is %s, refused for %q", over, w.had.State, w.had.Refusals)
			}
		})
	}
}

func TestGate_NoGlassPassesWhatWouldBeALie(t *testing.T) {
	for _, c := range []struct {
		claim, says string
		change      func(s *story)
	}{
		{"held", "is held", func(s *story) { s.held = "v0 was taken back" }},
		{"other bits", "the artifacts rehearsed are not these", func(s *story) {
			s.statement = func(s *understudy.Statement) { s.Artifact = understudy.DigestOf([]byte("other")) }
		}},
		{"a signature that does not hold", "the attestation cannot be relied on", func(s *story) {
			s.attested = understudy.Errorf(understudy.KindRefused, "the attestation cannot be relied on")
		}},
		{"nothing to go back to", "runs nothing", func(s *story) { s.empty = true }},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := undisturbed(t, sound(func(s *story) { c.change(s); s.glass = glass() }))
			if w.had.State != understudy.PromotionRefused || !strings.Contains(strings.Join(w.had.Refusals, "\n"), c.says) || len(w.running) > 1 {
				t.Errorf("%s: it is %s, refused for %q", c.claim, w.had.State, w.had.Refusals)
			}
		})
	}
}

func TestGate_AGlassThatNeedNotBreakIsNotBroken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := undisturbed(t, sound(func(s *story) { s.glass = glass() }))
		if w.had.State != understudy.PromotionSettled || len(w.had.Glass.Passed) > 0 || !strings.Contains(w.had.Changes[0], "no glass has to be broken") {
			t.Errorf("it is %s, having passed %q: %q", w.had.State, w.had.Glass.Passed, w.had.Changes)
		}
	})
}

func TestGate_WhatCannotBeLookedAtIsNoPermission(t *testing.T) {
	for _, call := range []string{"Approvals", "PassedSince", "Debt", "Observe", "Policy", "Attested"} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, sound(func(s *story) { s.glass = glass(); s.broken = map[string]error{call: errors.New("the disk is gone")} }))
			if err, _ := w.live(t.Context(), fate{}); err == nil || w.had.State != understudy.PromotionPlanned {
				t.Errorf("%s does not answer: it is %s, %v", call, w.had.State, err)
			}
		})
	}
}

func TestGate_ASmallRadiusGoesByTheStepsOfTheExpressLane(t *testing.T) {
	for files, lane := range map[int]understudy.Lane{1: understudy.LaneExpress, 2: understudy.LaneOrdinary} {
		synctest.Test(t, func(t *testing.T) {
			bake := time.Second
			w := undisturbed(t, sound(func(s *story) {
				s.policy.Bake = time.Hour
				s.policy.Express = &understudy.Express{When: understudy.ExpressWhen{MaxFiles: 1}, Bake: &bake, Steps: []int{100}}
				s.statement = func(s *understudy.Statement) { s.Radius = &understudy.Radius{Files: files} }
			}))
			steps := 0
			for _, said := range w.said() {
				if strings.Contains(said, "% of the traffic goes to v2") {
					steps++
				}
			}
			baked := w.had.EndedAt.Sub(w.had.MadeAt) >= time.Hour
			if express := lane == understudy.LaneExpress; w.had.Lane != lane || (steps == 1) != express || baked == express {
				t.Errorf("%d files: lane %s, %d steps, baked for an hour: %t\n%q", files, w.had.Lane, steps, baked, w.said())
			}
		})
	}
}
