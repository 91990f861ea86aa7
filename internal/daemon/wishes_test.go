package daemon

import (
	"context"
	"errors"
	"testing"
	"time"

	"understudy"
	"understudy/internal/journal"
	"understudy/internal/promotion"
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

func TestCarry_APromotionThatWaitsForItsStageIsNotKeptFromItByItsOwnSecondWish(t *testing.T) {
	d := archived(t)
	life, end := context.WithCancel(t.Context())
	d.stages, d.life, d.promotions = newStages(), life, promotion.Engine{Records: records{d}}
	defer d.acts.all.Wait()
	defer end()
	give, err := d.stages.take("production", "the test")
	if err != nil {
		t.Fatal(err)
	}
	d.carry("p1", "production", nil, nil) // by a daemon that was started again
	d.carry("p1", "production", give, nil)
	until := time.Now().Add(2 * time.Minute)
	for d.stages.holder("production") != "promotion p1" {
		if time.Now().After(until) {
			t.Fatalf("production is in use by %q", d.stages.holder("production"))
		}
		<-time.After(5 * time.Millisecond)
	}
}

func TestActs_WhatEndsWithAnActCanBeginItAgain(t *testing.T) {
	var a acts
	again := make(chan bool, 1)
	a.begin(t.Context(), "p1", func(context.Context) {}, func(error) {
		again <- a.begin(t.Context(), "p1", func(context.Context) {}, func(error) {})
	})
	if !<-again {
		t.Error("it was under way still")
	}
	a.all.Wait()
}

func TestActs_WhatStopsOneThatHasJustDoneItsWorkIsToldToWhatFollows(t *testing.T) {
	var a acts
	told, wish := make(chan error, 1), errors.New("ops asked to go back")
	a.begin(t.Context(), "p1", func(context.Context) {
		if !a.stop("p1", wish) { // its work is done, and nobody looks at the context any more
			t.Error("it was not under way")
		}
	}, func(stopped error) { told <- stopped })
	if stopped := <-told; !errors.Is(stopped, wish) {
		t.Errorf("told was %v", stopped)
	}
	a.all.Wait()
}

func TestWishes_OneThatIsBegunIsHeededUntilItHasEnded(t *testing.T) {
	var b wishBook
	note := func(act string, facts map[string]string) {
		b.note(understudy.Entry{Sequence: b.read + 1, Act: act, Actor: "ada", Subject: "p1", Facts: facts})
	}
	note(actRollback, map[string]string{factLoseWrites: "yes"})
	note("promotion.rolling-back", nil) // its record may not say so yet
	if back, is := b.open["p1"].(promotion.GoBack); !is || !back.LoseWrites {
		t.Errorf("killed in between, what is wanted is %v", b.open["p1"])
	}
	for _, end := range []string{"promotion.rolled-back", actRollbackFailed} {
		note(actRollback, nil)
		if note(end, nil); len(b.open) != 0 {
			t.Errorf("after %s, what is wanted is %v", end, b.open)
		}
	}
}

func TestGivesBack_OnlyWhatWasAskedForAndIsNotBackYet(t *testing.T) {
	p := understudy.Promotion{State: understudy.PromotionRolledBack, Restores: true, SafetyCopy: "backups/p1"}
	wish := promotion.GoBack{By: "ada", LoseWrites: true}
	with := func(change func(*understudy.Promotion)) understudy.Promotion {
		changed := p
		change(&changed)
		return changed
	}
	for claim, c := range map[string]struct {
		p    understudy.Promotion
		wish promotion.GoBack
		want bool
	}{
		"it went back as it was":  {p, wish, true},
		"writes are to be kept":   {p, promotion.GoBack{By: "ada"}, false},
		"there is no copy":        {with(func(p *understudy.Promotion) { p.SafetyCopy = "" }), wish, false},
		"they are back":           {with(func(p *understudy.Promotion) { p.Restore = &understudy.Restore{Done: true} }), wish, false},
		"it has not gone back":    {with(func(p *understudy.Promotion) { p.State = understudy.PromotionBaking }), wish, false},
		"they could not be given": {with(func(p *understudy.Promotion) { p.Restore = &understudy.Restore{Failed: "damaged"} }), wish, true},
	} {
		if got := givesBack(c.p, c.wish); got != c.want {
			t.Errorf("%s: %t", claim, got)
		}
	}
}
