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

// restorer gives the databases back, and holds the engine to the order in which that is safe.
type restorer struct{ *world }

func (r restorer) Restorable(ctx context.Context, _ string) (string, error) {
	return r.story.external, r.act(ctx, "Restorable", func() error { return nil })
}

func (r restorer) Begin(ctx context.Context, _, _ string) error {
	return r.act(ctx, "Begin", func() error {
		if r.schema != "new" || r.copies == 0 {
			return r.fault("what is written begins to count on the %s schema, with %d safety copies", r.schema, r.copies)
		}
		r.begun = true
		return nil
	})
}

func (r restorer) Lost(ctx context.Context, _, _ string) (lost understudy.Lost, err error) {
	return understudy.Lost{Rows: understudy.Written{"public.orders": 42}}, r.act(ctx, "Lost", func() error {
		if r.running[oldID] || r.running[newID] || r.swapped {
			return r.fault("what is lost is counted while %v run, on the %s schema", r.running, r.schema)
		}
		return nil
	})
}

func (r restorer) Stage(ctx context.Context, _, _ string) error {
	return r.act(ctx, "Stage", func() error {
		switch {
		case r.copies == 0:
			return r.fault("a safety copy is read that was not made")
		case !r.shut:
			return r.fault("customers write while the safety copy is read")
		case r.story.unstaged != nil:
			return r.story.unstaged
		}
		r.staged = true
		return nil
	})
}

func (r restorer) Swap(ctx context.Context, _, _ string) ([]string, error) {
	return []string{"main_before_p1"}, r.act(ctx, "Swap", func() error {
		switch {
		case !r.staged || !r.shut:
			return r.fault("the databases are put back: staged %t, door shut %t", r.staged, r.shut)
		case !r.swapped && (r.running[oldID] || r.running[newID]):
			return r.fault("the databases are put back while %v run", r.running)
		}
		r.schema, r.swapped = "old", true
		return nil
	})
}

type shutter struct{ *world }

func (s shutter) Shut(ctx context.Context, _ string, _ time.Duration, _ string) (string, error) {
	return "customers wait", s.act(ctx, "Shut", func() error {
		s.shut = true
		return nil
	})
}

func (s shutter) Unshut(ctx context.Context, _, _ string) error {
	return s.act(ctx, "Unshut", func() error {
		s.shut = false
		return nil
	})
}

func (s shutter) Quit(ctx context.Context, id string) error {
	return s.act(ctx, "Quit", func() error {
		if !s.shut {
			return s.fault("%s is ended before the eyes of customers", id)
		}
		delete(s.running, id)
		return nil
	})
}

// restoring is a story whose release goes back by restoring the databases.
func restoring(oldAfterNew bool, change func(s *story)) story {
	return brief(func(s *story) {
		m := *s.release.Application.Migration
		m.Back = understudy.WayRestore
		s.release.Application.Migration, s.policy.SafetyCopy = &m, false
		s.statement = func(s *understudy.Statement) {
			s.OldRunsOnNew, s.Restoration = true, &understudy.Restoration{High: 3 * time.Second, OldAfterNew: oldAfterNew}
		}
		if change != nil {
			change(s)
		}
	})
}

// restored is how one ends whose databases were given back.
func restored() ends {
	e := takenBack()
	e.Schema = "old"
	return e
}

// asked runs a story to its end, and asks for its databases to be given back as the daemon does.
func asked(t *testing.T, s story) *world {
	t.Helper()
	w := undisturbed(t, s)
	p := w.had
	p.Restore = &understudy.Restore{By: "ada", After: p.State}
	p.State, p.Reason, p.EndedAt = understudy.PromotionRollingBack, "ada asked to go back", time.Time{}
	w.put(p)
	return w
}

func TestRestore_KilledAnywhereItGoesOnAndTheDatabasesAreOfOneReleaseOrTheOther(t *testing.T) {
	for name, c := range map[string]struct {
		story story
		want  ends
	}{
		"it goes well":          {restoring(false, nil), restored()},
		"the copy is damaged":   {restoring(false, func(s *story) { s.unstaged = errors.New("it ends too soon") }), settledHeld()},
		"damaged, and it flips": {restoring(true, func(s *story) { s.unstaged = errors.New("it ends too soon") }), takenBack()},
		"the swap is refused":   {restoring(false, refusing), settledHeld()},
		"refused, and it flips": {restoring(true, refusing), takenBack()},
		"it had flipped before": {restoring(true, func(s *story) { s.errors = func(share int) float64 { return float64(share / 100) } }), restored()},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				whole := asked(t, c.story)
				if err, _ := whole.live(t.Context(), fate{}); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(c.want, whole.ends()); diff != "" || whole.shut {
					t.Fatalf("it ends otherwise, shut %t:\n%s", whole.shut, diff)
				}
				for at := 1; at <= whole.calls; at++ {
					w := asked(t, c.story)
					if err, died := w.live(t.Context(), fate{at: at}); !died {
						t.Fatalf("call %d: nobody died: %v", at, err)
					}
					if w.schema != "new" && w.schema != "old" {
						t.Errorf("call %d: the schema is %s", at, w.schema)
					}
					if err, _ := w.live(t.Context(), fate{}); err != nil {
						t.Fatalf("call %d: going on: %v", at, err)
					}
					if diff := cmp.Diff(c.want, w.ends()); diff != "" || w.shut {
						t.Errorf("call %d: it ends otherwise, shut %t:\n%s", at, w.shut, diff)
					}
				}
			})
		})
	}
}

// refusing is a server that does not put the databases back, however often it is asked.
func refusing(s *story) {
	s.broken = map[string]error{"Swap": understudy.Errorf(understudy.KindConflict, "a prepared transaction uses database main")}
}

// settledHeld is one whose rollback came to nothing.
func settledHeld() ends {
	e := settled()
	e.Held, e.Back = true, true
	return e
}

func TestRestore_AskedForAtAnyCallLosesNothingBeforeThereIsACopy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := restoring(false, nil)
		want := undisturbed(t, s)
		for at := 1; at <= want.calls; at++ {
			w := newWorld(t, s)
			ctx, cancel := context.WithCancelCause(t.Context())
			err, _ := w.live(ctx, fate{at: at, tell: func() { cancel(promotion.GoBack{By: "ada", Reason: "slow", LoseWrites: true}) }})
			for range 3 {
				if err != nil || ctx.Err() != nil {
					err, _ = w.live(ctx, fate{})
				}
			}
			cancel(nil)
			got := w.ends()
			switch {
			case err != nil:
				t.Fatalf("call %d: it is %s, and Run says %v", at, w.had.State, err)
			case got.State == understudy.PromotionRefused:
			case got.State != understudy.PromotionRolledBack, got.Schema != "old", got.Running != "map[production-p0:true]", w.shut:
				t.Errorf("call %d: shut %t, %+v", at, w.shut, got)
			case (w.had.Restore != nil) != (w.had.SafetyCopy != ""):
				t.Errorf("call %d: restored %+v with the copy %q", at, w.had.Restore, w.had.SafetyCopy)
			}
		}
	})
}

func TestRestore_TakesASafetyCopyWhateverThePolicySays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := undisturbed(t, restoring(false, nil))
		if w.copies != 1 || !w.begun || w.had.SafetyCopy == "" {
			t.Errorf("copies %d, begun %t, noted %q", w.copies, w.begun, w.had.SafetyCopy)
		}
		changes := strings.Join(w.had.Changes, "\n")
		for _, words := range []string{"safety copy", "--lose-writes", "until a person decides"} {
			if !strings.Contains(changes, words) {
				t.Errorf("the plan does not say %q:\n%s", words, changes)
			}
		}
	})
}

func TestRestore_OfAReleaseThatIsWorseWaitsForAPersonUnlessTheOldOneRunsOnWhatItWrote(t *testing.T) {
	bad := func(s *story) { s.errors = func(share int) float64 { return float64(share / 100) } }
	synctest.Test(t, func(t *testing.T) {
		if got := undisturbed(t, restoring(true, bad)).ends(); got != takenBack() {
			t.Errorf("it could go back by itself: %+v", got)
		}
	})
	for claim, c := range map[string]struct {
		cause error
		want  ends
	}{
		"it is taken back": {promotion.GoBack{By: "ada", Reason: "slow", LoseWrites: true}, restored()},
		"it is kept":       {promotion.Settle{By: "ada", Reason: "we mend it"}, func() ends { e := settled(); e.Held = true; return e }()},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, restoring(false, bad))
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(time.Hour, func() { cancel(c.cause) })
			err, _ := w.live(ctx, fate{})
			if err != nil || w.ends() != c.want {
				t.Errorf("%s: %v, %s", claim, err, cmp.Diff(c.want, w.ends()))
			}
			said := slices.DeleteFunc(w.said(), func(text string) bool { return !strings.Contains(text, "not taken back by itself") })
			if len(said) != 1 || !strings.Contains(said[0], "--lose-writes") {
				t.Errorf("%s: it said %q", claim, said)
			}
			if c.want.Schema == "old" && !strings.Contains(fmt.Sprint(w.said()), "about 42 rows") {
				t.Errorf("%s: what was lost is not said: %q", claim, w.said())
			}
		})
	}
}

func TestRestore_IsRefusedWhereItCannotBeDoneAndBreakableWhereItWasNotRehearsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for claim, c := range map[string]struct {
			change func(s *story)
			want   understudy.PromotionState
		}{
			"it is run by others":           {func(s *story) { s.external = "database main is given by its url" }, understudy.PromotionRefused},
			"nor with the glass broken":     {func(s *story) { s.external, s.glass = "database main is given by its url", glass() }, understudy.PromotionRefused},
			"it was not rehearsed":          {func(s *story) { s.statement = nil }, understudy.PromotionRefused},
			"it was not, with broken glass": {func(s *story) { s.statement, s.glass = nil, glass() }, understudy.PromotionSettled},
		} {
			if w := undisturbed(t, restoring(false, c.change)); w.had.State != c.want {
				t.Errorf("%s: it is %s: %q", claim, w.had.State, w.had.Refusals)
			}
		}
	})
}
