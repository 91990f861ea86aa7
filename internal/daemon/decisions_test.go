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
		_, err := d.Rollback(t.Context(), api.Rollback{Environment: "production", By: "ops"})
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

func TestRollback_IsRefusedWhereTheOldReleaseIsNotKnownToRunOnTheSchemaAndSaysWhatToDo(t *testing.T) {
	d := archived(t)
	migrates := understudy.Release{Digest: understudy.DigestOf([]byte("v2")), Label: "v2", Application: understudy.Application{Migration: &understudy.Migration{Up: []string{"up"}}}}
	plain := understudy.Release{Digest: understudy.DigestOf([]byte("v3")), Label: "v3"}
	for _, r := range []understudy.Release{migrates, plain} {
		if err := d.store.Put(t.Context(), kindRelease, string(r.Digest), r); err != nil {
			t.Fatal(err)
		}
	}
	for id, runs := range map[string]bool{"it was seen to": true, "it was not": false} {
		envelope, err := d.keys.Sign(understudy.Statement{Rehearsal: id, Release: migrates.Digest, Artifact: migrates.Digest, OldRunsOnNew: runs})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.store.Put(t.Context(), kindVerdict, id, understudy.Verdict{ID: id, Envelope: envelope}); err != nil {
			t.Fatal(err)
		}
	}
	settled := understudy.Promotion{ID: "p-1", Release: migrates.Digest, Label: "v2", OldLabel: "v1", To: "production", State: understudy.PromotionSettled, Verdict: "it was not"}
	changed := func(change func(p *understudy.Promotion)) understudy.Promotion {
		p := settled
		change(&p)
		return p
	}
	for name, c := range map[string]struct {
		promotion understudy.Promotion
		refuses   string
	}{
		"it breaks there, or nobody has seen that it does not": {settled, "v1 is not known to run on the schema that v2 brought"},
		"it was seen to run there":                             {changed(func(p *understudy.Promotion) { p.Verdict = "it was seen to" }), ""},
		"no schema was changed":                                {changed(func(p *understudy.Promotion) { p.Release = plain.Digest }), ""},
		"only its configuration is another":                    {changed(func(p *understudy.Promotion) { p.Again = true }), ""},
		"customers are on both, and what they see decides":     {changed(func(p *understudy.Promotion) { p.State = understudy.PromotionBaking }), ""},
		"what it needs was taken away": {changed(func(p *understudy.Promotion) { p.Contract = &understudy.Contract{Begun: true} }),
			"the contract migration of v2 has taken away what only v1 needed"},
	} {
		err := d.mayGoBack(t.Context(), c.promotion, false)
		if c.refuses == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if understudy.KindOf(err) != understudy.KindRefused || !strings.Contains(err.Error(), c.refuses) || !strings.Contains(understudy.HintOf(err), "the way is forward") {
			t.Errorf("%s: found %v, hint %q", name, err, understudy.HintOf(err))
		}
	}
}
