package daemon

import (
	"context"
	"errors"
	"strings"
	"testing"

	"understudy"
	"understudy/internal/api"
)

func TestATakenBackPromotionIsTakenBackOnceAndContractedNever(t *testing.T) {
	d := archived(t)
	back := func(want ...string) {
		t.Helper()
		last, err := d.lastPromotion(t.Context(), "production")
		if err == nil {
			err = d.mayGoBack(t.Context(), last, false)
		}
		for _, part := range want {
			if err == nil || !strings.Contains(err.Error()+understudy.HintOf(err), part) {
				t.Errorf("found %v: %s; want %q", err, understudy.HintOf(err), part)
			}
		}
	}
	back("nothing was promoted there yet")
	p := understudy.Promotion{ID: "p-1", Label: "v2", OldLabel: "v1", To: "production", State: understudy.PromotionRolledBack}
	if err := (records{d}).SavePromotion(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	back("production is back on v1, v2 was taken back", "no second step", "the way is forward")
	_, err := d.ContractPromotion(t.Context(), api.Decide{Promotion: "p-1", By: "ops"})
	if understudy.KindOf(err) != understudy.KindConflict || !strings.Contains(err.Error(), "promotion p-1 is rolled-back: a contract migration runs once it has settled") {
		t.Errorf("found %v", err)
	}
}

func TestAPromotionThatCannotEvenSayWhyItWaitsIsANoteUntilItCan(t *testing.T) {
	d := archived(t)
	d.life = t.Context()
	p := understudy.Promotion{ID: "p-1", Label: "v2", To: "production", State: understudy.PromotionSwitching}
	if err := (records{d}).SavePromotion(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	d.life = ended // nothing can be read any more
	d.stuck("p-1", errors.New("the disk is full"))
	d.stuck("p-1", errors.New("the disk is full"))
	if found := d.notes.list(); len(found) != 1 || !strings.Contains(found[0], "promotion p-1 could not be carried on and is tried again: the disk is full") {
		t.Errorf("found %q", found)
	}
	d.life = t.Context()
	d.stuck("p-1", errors.New("the disk is full"))
	if p, err := (records{d}).LoadPromotion(t.Context(), "p-1"); err != nil || len(p.Events) != 1 || len(d.notes.list()) != 0 {
		t.Errorf("found %+v, %v and the notes %q", p.Events, err, d.notes.list())
	}
}
