package understudy_test

import (
	"strings"
	"testing"
	"time"

	"understudy"
)

func TestLost_SaysWhatItCostsAndWhatIsNotKnown(t *testing.T) {
	at := time.Date(2026, 11, 28, 20, 0, 0, 0, time.UTC)
	many := understudy.Written{"a": 1, "b": 2, "c": 3, "d": 4, "e": 5, "f": 6, "g": 7}
	for want, lost := range map[string]understudy.Lost{
		"all that was written since 2026-11-28 20:00:00 UTC: no row is known to have been written since the migration": {Copied: at},
		"about 12 rows since the migration (orders 10, users 2), and what others wrote among the 7 rows between":       {Copied: at, Rows: understudy.Written{"users": 2, "orders": 10}, Meanwhile: understudy.Written{"orders": 7}},
		"(g 7, f 6, e 5, d 4, c 3, and 2 other tables)":                                                                {Copied: at, Rows: many},
		"(how many rows is not known: the server began to count anew)":                                                 {Copied: at, Unknown: "the server began to count anew"},
	} {
		if got := lost.String(); !strings.Contains(got, want) {
			t.Errorf("%q does not say %q", got, want)
		}
	}
}

func TestWritten_SinceIsWhatCameAfter(t *testing.T) {
	got := understudy.Written{"kept": 5, "more": 9, "new": 2}.Since(understudy.Written{"kept": 5, "more": 4, "gone": 8})
	if got.Rows() != 7 || got["more"] != 5 || got["new"] != 2 {
		t.Errorf("%v", got)
	}
}

func TestPromotion_IsStuckWhereOnlyRestoringWouldHelp(t *testing.T) {
	seen := &understudy.Restoration{OldAfterNew: true}
	for claim, c := range map[string]struct {
		p    understudy.Promotion
		want bool
	}{
		"the old release was seen to run on it": {understudy.Promotion{Restores: true, SafetyCopy: "x", State: understudy.PromotionBaking, OldRunsOnNew: true, Restoration: seen}, false},
		"not after the new one wrote":           {understudy.Promotion{Restores: true, SafetyCopy: "x", State: understudy.PromotionBaking, OldRunsOnNew: true, Restoration: &understudy.Restoration{}}, true},
		"not before it either":                  {understudy.Promotion{Restores: true, SafetyCopy: "x", State: understudy.PromotionSwitching, Restoration: seen}, true},
		"nothing was rehearsed":                 {understudy.Promotion{Restores: true, SafetyCopy: "x", State: understudy.PromotionSettled, OldRunsOnNew: true}, true},
		"nobody was sent to the new one":        {understudy.Promotion{Restores: true, SafetyCopy: "x", State: understudy.PromotionPreparing}, false},
		"nothing was migrated":                  {understudy.Promotion{Restores: true, State: understudy.PromotionBaking}, false},
		"its way back is another":               {understudy.Promotion{SafetyCopy: "x", State: understudy.PromotionBaking}, false},
	} {
		if got := c.p.Stuck(); got != c.want {
			t.Errorf("%s: stuck is %t", claim, got)
		}
	}
}
