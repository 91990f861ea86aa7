package cli

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"understudy"
)

func TestAnInterruptedPromotionIsTakenBackOnlyWhereItCanBe(t *testing.T) {
	for state, back := range map[understudy.PromotionState]bool{
		"": false, understudy.PromotionPlanned: false, understudy.PromotionPreparing: true, understudy.PromotionSwitching: true, understudy.PromotionBaking: true,
		understudy.PromotionSettled: false, understudy.PromotionRollingBack: false, understudy.PromotionContracting: false,
	} {
		said := meanwhile("p-1", understudy.Promotion{To: "production", State: state})
		if !strings.Contains(said, "understudy promotion watch p-1") || strings.Contains(said, "understudy rollback production") != back {
			t.Errorf("%q: found %q, taken back: %t", state, said, back)
		}
	}
}

func TestAnInterruptSaysThatAnActOfTheCommandHasEnded(t *testing.T) {
	err := brokenOff(fmt.Errorf("asking: %w", context.Canceled), "making staging anew", "understudy twin reset staging")
	if !strings.Contains(err.Error(), "making staging anew was ended on its way") || !strings.Contains(understudy.HintOf(err), "understudy twin reset staging") {
		t.Errorf("found %v: %s", err, understudy.HintOf(err))
	}
	if other := understudy.Errorf(understudy.KindFailed, "no"); brokenOff(other, "it", "it") != error(other) {
		t.Error("what was no interrupt is told as one")
	}
}
