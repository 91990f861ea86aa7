package rehearsal_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"understudy"
	"understudy/internal/rehearsal"
)

// restoring is a story whose candidate goes back by restoring, changed.
func restoring(change func(s *story)) story {
	s := story{candidate: candidate()}
	m := *s.candidate.Application.Migration
	m.Back, m.Down = understudy.WayRestore, nil
	s.candidate.Application.Migration = &m
	if change != nil {
		change(&s)
	}
	return s
}

// restorer brings the work copy back in four seconds, and holds the engine to its contract.
type restorer struct{ *world }

func (r restorer) Restore(ctx context.Context) (rehearsal.Restored, error) {
	done := rehearsal.Restored{OK: true, Copied: time.Second, Bytes: 1 << 20, Took: 4 * time.Second, Least: 2, Most: 3, Basis: "twice as many rows"}
	if r.story.restore != nil {
		done = r.story.restore()
	}
	done.Written = writtenByNow()
	return done, r.onStage(ctx, "Restore", func() error {
		switch {
		case r.running[rehearsal.Candidate]:
			return r.fault("the databases are restored while the candidate runs")
		case r.audience != nil:
			return r.fault("the databases are restored under the eyes of the audience")
		case !done.OK:
			return nil
		}
		delete(r.running, rehearsal.Baseline)
		r.copies[rehearsal.Work], r.restored = "old", true
		r.becomes(func(now *state) { now.schema, now.wrote, now.serving = "restored", false, "" })
		return pass(ctx, done.Took)
	})
}

func (r restorer) Prepare(ctx context.Context) error {
	return r.onStage(ctx, "Prepare", func() error {
		if !r.restored || r.running[rehearsal.Baseline] {
			return r.fault("what was not restored is prepared, or under the old release")
		}
		return nil
	})
}

// writtenByNow is three rows a second.
func writtenByNow() understudy.Written {
	return understudy.Written{"public.orders": 3 * time.Now().Unix()}
}

func (r restorer) Written(ctx context.Context) (understudy.Written, error) {
	return writtenByNow(), r.onStage(ctx, "Written", func() error { return nil })
}

func TestRestore_IsDoneProvedTimedAndAttested(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := undisturbed(t, restoring(nil))
		if got := w.codes(understudy.CheckRollback); !slices.Equal(got, []string{"warning rollback.writes-lost"}) {
			t.Errorf("%v", got)
		}
		w.says(t, understudy.CheckRollback, "databases restored in 4.3s", "8.3–12 s", "data the same", "the old release on them: ", "rows were written (public.orders ")
		want := understudy.Restoration{Copied: time.Second, Bytes: 1 << 20, Took: 4300 * time.Millisecond, Low: 8300 * time.Millisecond, High: 12300 * time.Millisecond, Basis: "twice as many rows", OldAfterNew: true}
		if got := w.verdicts[rehearsalID].Restoration; got == nil || *got != want {
			t.Errorf("attested is %+v, want %+v", got, want)
		}
	})
}

func TestRestore_ThatDoesNotLeadBackBlocksAndIsNotAttested(t *testing.T) {
	for claim, c := range map[string]struct {
		change func(s *story)
		code   string
	}{
		"it cannot be done": {func(s *story) {
			s.restore = func() rehearsal.Restored { return rehearsal.Restored{Said: "no room on the disk"} }
		}, "blocking rollback.restore-failed"},
		"the schema is another": {func(s *story) { s.changes = []string{"table gone"} }, "blocking rollback.schema-differs"},
		"the data are others":   {func(s *story) { s.losses = []rehearsal.Loss{{Table: "public.users", What: "12 rows", Count: 12}} }, "blocking rollback.data-lost"},
		"the old release breaks on it": {func(s *story) {
			s.answer = func(at state, _ int) string {
				if at.serving == rehearsal.Baseline && at.schema == "restored" {
					return "GET / → 500"
				}
				return ""
			}
		}, "blocking rollback.old-release-breaks"},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := undisturbed(t, restoring(c.change))
			if got := w.codes(understudy.CheckRollback); !slices.Contains(got, c.code) || w.verdicts[rehearsalID].Restoration != nil {
				t.Errorf("%s: %v, attested %+v", claim, got, w.verdicts[rehearsalID].Restoration)
			}
		})
	}
}

func TestRestore_OfAnOldReleaseThatBreaksOnWhatTheNewOneWroteIsTheOnlyWayAndSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := undisturbed(t, restoring(func(s *story) {
			s.answer = func(at state, _ int) string {
				if at.serving == rehearsal.Baseline && at.wrote {
					return "GET / → 500"
				}
				return ""
			}
		}))
		if got := w.codes(understudy.CheckRollback); !slices.Equal(got, []string{"warning rollback.only-by-restoring", "warning rollback.writes-lost"}) {
			t.Errorf("%v", got)
		}
		if s := w.verdicts[rehearsalID]; s.Outcome != understudy.OutcomePassed || s.Restoration == nil || s.Restoration.OldAfterNew {
			t.Errorf("%s, attested %+v", s.Outcome, s.Restoration)
		}
	})
}

func TestRestore_IsHeldAgainstWhatItTakesInProduction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := undisturbed(t, restoring(func(s *story) {
			s.restore = func() rehearsal.Restored {
				return rehearsal.Restored{OK: true, Took: 20 * time.Second, Least: 1, Most: 10, Basis: "ten times as big"}
			}
		}))
		if got := w.codes(understudy.CheckRollback); !slices.Contains(got, "warning rollback.slow") {
			t.Errorf("%v", got)
		}
	})
}
