package promotion_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"understudy"
	"understudy/internal/promotion"
)

// attested is a statement that says what the migration is expected to do.
func attested(s *understudy.Statement) {
	s.LockTimeout, s.Migrated, s.OldRunsOnNew = 3*time.Second, 400*time.Millisecond, true
	s.Expected = &understudy.Expectation{
		Locks: []understudy.ExpectedLock{{Relation: "public.notes", Kind: "table", Mode: "AccessExclusiveLock"}},
		Runs:  []time.Duration{400 * time.Millisecond, 300 * time.Millisecond}, Low: 300 * time.Millisecond, High: 600 * time.Millisecond, Basis: "linear",
	}
}

func TestMigrate_IsOrderedAsItWasRehearsed(t *testing.T) {
	for _, old := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var got promotion.Order
			w := undisturbed(t, sound(func(s *story) {
				s.statement, s.order = attested, func(order promotion.Order) { got = order }
				if old {
					s.statement = func(s *understudy.Statement) { s.OldRunsOnNew = false }
				}
			}))
			if w.had.State != understudy.PromotionSettled || got.Old != "v1" || got.OldRunsOnNew == old || (got.Expected == nil) != old {
				t.Errorf("the verdict is old: %t; it is %s, ordered %+v", old, w.had.State, got)
			}
			const planned, told = "once it has settled there is no way back, as the old one is not known to run", "there is no way back: v1 is not known to run"
			if plan, said := strings.Join(w.had.Changes, "\n"), strings.Join(w.said(), "\n"); strings.Contains(plan, planned) != old || strings.Contains(said, told) != old {
				t.Errorf("the old release was seen to run on the new schema: %t; planned is %q, and told %q", !old, plan, said)
			}
			if want := map[bool]time.Duration{false: 3 * time.Second, true: 500 * time.Millisecond}[old]; got.Policy.LockTimeout != want || got.Policy.QuietWait != 30*time.Second {
				t.Errorf("ordered with %+v", got.Policy)
			}
		})
	}
}

func TestGate_SaysWhatIsExpectedOfTheMigration(t *testing.T) {
	for _, c := range []struct {
		claim     string
		statement func(*understudy.Statement)
		want      []string
	}{
		{"attested", attested, []string{"0.3–0.6 s by 2 runs", "(linear)", "public.notes (ACCESS EXCLUSIVE)", "after 10.6s, or when others wait for it longer than 1s", "a quiet moment for 30s at most"}},
		{"attested, without a strong lock", func(s *understudy.Statement) { attested(s); s.Expected.Locks = nil }, []string{"it locks nothing that is there strongly"}},
		{"of before that was noted", nil, []string{"the verdict does not say which locks and what time to expect"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			changes := strings.Join(undisturbed(t, sound(func(s *story) { s.statement = c.statement })).had.Changes, "\n")
			for _, want := range c.want {
				if !strings.Contains(changes, want) {
					t.Errorf("%s: %q does not say %q", c.claim, changes, want)
				}
			}
		})
	}
}

func TestMigrate_ASurpriseTurnsBackAndWhatWasToldStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := undisturbed(t, stories()["the migration surprises"])
		if w.had.State != understudy.PromotionRolledBack || !strings.Contains(w.hold, "it takes SHARE on public.users") || w.shares[oldID] != 100 {
			t.Errorf("it is %s, held for %q, with shares %v", w.had.State, w.hold, w.shares)
		}
		for _, want := range []string{"try 1 waits for a quiet moment", "nothing of the schema has changed"} {
			if !slices.Contains(w.said(), want) {
				t.Errorf("it does not say %q: %q", want, w.said())
			}
		}
	})
}
