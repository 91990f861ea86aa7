package daemon

import (
	"testing"

	"understudy"
	"understudy/internal/journal"
)

func TestWishes_AWishToGoBackIsOfWhatWasPromotedLastOnly(t *testing.T) {
	d := archived(t)
	var err error
	if d.journal, err = journal.Open(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.journal.Close(); err != nil {
			t.Error(err)
		}
	})
	d.news, d.stages, d.life = &news{bell: d.bell}, newStages(), t.Context()
	for _, id := range []string{"p1", "p2"} {
		p := understudy.Promotion{ID: id, Label: id, To: "production", State: understudy.PromotionSettled}
		if err := d.store.Put(t.Context(), kindPromotion, id, p); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.stages.take("production", "the test"); err != nil { // so that nothing is carried out
		t.Fatal(err)
	}
	if err := (recorder{d, "ada"}).Record(t.Context(), actRollback, "p1", "it came too late", nil); err != nil {
		t.Fatal(err)
	}
	wishes, err := d.wishes() // a daemon that was started again finds it
	if err != nil || len(wishes) != 1 {
		t.Fatalf("%v, %v", wishes, err)
	}
	if err := d.goOnPromoting(t.Context(), wishes); err != nil {
		t.Fatal(err)
	}
	if p, err := d.promotion(t.Context(), "p1"); err != nil || p.State != understudy.PromotionSettled {
		t.Errorf("what another promotion followed is %s, %v", p.State, err)
	}
}
