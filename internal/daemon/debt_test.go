package daemon

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"understudy"
	"understudy/internal/attest"
	"understudy/internal/store"
)

// archived is a daemon with nothing but its records and its keys.
func archived(t *testing.T) *Daemon {
	t.Helper()
	d := &Daemon{options: Options{Log: slog.New(slog.DiscardHandler)}, bell: newBell()}
	var err error
	if d.store, err = store.Open(t.Context(), "sqlite:"+t.TempDir()+"/store.db"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.store.Close(); err != nil {
			t.Error(err)
		}
	})
	if d.keys, err = attest.Keys(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	return d
}

// verdict signs and keeps one of a rehearsal that took a minute.
func (d *Daemon) verdict(t *testing.T, id string, of understudy.Digest, outcome understudy.Outcome, began time.Time) {
	t.Helper()
	s := understudy.Statement{Rehearsal: id, Outcome: outcome, Release: of, Artifact: of, StartedAt: began, EndedAt: began.Add(time.Minute)}
	envelope, err := d.keys.Sign(s)
	if err != nil {
		t.Fatal(err)
	}
	v := understudy.Verdict{ID: id, Rehearsal: id, Release: of, Outcome: outcome, Envelope: envelope, SignedAt: s.EndedAt}
	if err := d.store.Put(t.Context(), kindVerdict, id, v); err != nil {
		t.Fatal(err)
	}
}

func TestDebt_IsOfWhatRunsUntilThatReleasePassedARehearsalSince(t *testing.T) {
	noon := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	v1, v2 := understudy.DigestOf([]byte("v1")), understudy.DigestOf([]byte("v2"))
	broken := &understudy.BrokenGlass{By: "ops", Reason: "down", Passed: []string{"it was never rehearsed"}}
	went := func(id string, state understudy.PromotionState, glass *understudy.BrokenGlass) understudy.Promotion {
		return understudy.Promotion{ID: id, Release: v2, Label: "v2", To: "production", State: state, Glass: glass, MadeAt: noon}
	}
	type signed struct {
		of      understudy.Digest
		outcome understudy.Outcome
		began   time.Time
	}
	for _, c := range []struct {
		claim string
		went  []understudy.Promotion
		then  []signed
		owed  bool
	}{
		{"through the gate", []understudy.Promotion{went("1", understudy.PromotionSettled, nil)}, nil, false},
		{"a glass that need not break", []understudy.Promotion{went("1", understudy.PromotionSettled, &understudy.BrokenGlass{By: "ops"})}, nil, false},
		{"past it", []understudy.Promotion{went("1", understudy.PromotionSettled, broken)}, nil, true},
		{"past it, and under way", []understudy.Promotion{went("1", understudy.PromotionSwitching, broken)}, nil, true},
		{"refused though", []understudy.Promotion{went("1", understudy.PromotionRefused, broken)}, nil, false},
		{"taken back", []understudy.Promotion{went("1", understudy.PromotionRolledBack, broken)}, nil, false},
		{"another was taken back since", []understudy.Promotion{went("1", understudy.PromotionSettled, broken), went("2", understudy.PromotionRolledBack, nil)}, nil, true},
		{"passed since", []understudy.Promotion{went("1", understudy.PromotionSettled, broken)}, []signed{{v2, understudy.OutcomePassed, noon.Add(time.Hour)}}, false},
		{"failed since", []understudy.Promotion{went("1", understudy.PromotionSettled, broken)}, []signed{{v2, understudy.OutcomeFailed, noon.Add(time.Hour)}}, true},
		{"passed before", []understudy.Promotion{went("1", understudy.PromotionSettled, broken)}, []signed{{v2, understudy.OutcomePassed, noon.Add(-time.Hour)}}, true},
		{"another release passed", []understudy.Promotion{went("1", understudy.PromotionSettled, broken)}, []signed{{v1, understudy.OutcomePassed, noon.Add(time.Hour)}}, true},
		{"began before, ended after", []understudy.Promotion{went("1", understudy.PromotionSettled, broken)}, []signed{{v2, understudy.OutcomePassed, noon.Add(-time.Second)}}, true},
	} {
		d := archived(t)
		for _, p := range c.went {
			if err := (records{d}).SavePromotion(t.Context(), p); err != nil {
				t.Fatal(err)
			}
		}
		for _, s := range c.then {
			d.verdict(t, "r-"+s.began.Format(time.TimeOnly), s.of, s.outcome, s.began)
		}
		got, err := consent{d}.Debt(t.Context(), "production")
		if err != nil || (got != "") != c.owed || c.owed && !strings.Contains(got, "v2 went there by breaking the glass (ops: down)") {
			t.Errorf("%s: owed is %q, %v; want %t", c.claim, got, err, c.owed)
		}
		if err := d.store.Put(t.Context(), kindEnvironment, "production", standing{Name: "production"}); err != nil {
			t.Fatal(err)
		}
		figures := map[string]float64{}
		err = (&gauges{d: d}).environments(t.Context(), func(name string, value float64, _ ...string) { figures[name] = value })
		if told, found := figures["owed"]; err != nil || !found || told != oneIf(c.owed) {
			t.Errorf("%s: the figure is %v (%t), %v; want it owed: %t", c.claim, told, found, err, c.owed)
		}
	}
}

func TestPassedSince_BeginsWithTheFirstThatPassedAfterTheLastThatDidNot(t *testing.T) {
	noon := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	v2 := understudy.DigestOf([]byte("v2"))
	at := func(hour int) time.Time { return noon.Add(time.Duration(hour) * time.Hour) }
	d := archived(t)
	for hour, outcome := range []understudy.Outcome{understudy.OutcomePassed, understudy.OutcomeFailed, understudy.OutcomePassed, understudy.OutcomePassed} {
		d.verdict(t, "r-"+at(hour).Format(time.TimeOnly), v2, outcome, at(hour))
	}
	if since, err := (consent{d}).PassedSince(t.Context(), v2); err != nil || !since.Equal(at(2).Add(time.Minute)) {
		t.Errorf("it has passed since %s, %v", since, err)
	}
	d.verdict(t, "r-last", v2, understudy.OutcomeInconclusive, at(9))
	if since, err := (consent{d}).PassedSince(t.Context(), v2); err != nil || !since.IsZero() {
		t.Errorf("after one that could not tell it has passed since %s, %v", since, err)
	}
}

func TestApprovals_WhatIsRecordedAndWasNotSignedCountsForNothing(t *testing.T) {
	d := archived(t)
	v2 := understudy.DigestOf([]byte("v2"))
	given := understudy.Approval{ID: "a-1", By: "ann", Release: v2, Label: "v2", To: "production", Evidence: v2}
	envelope, err := d.keys.SignApproval(given)
	if err != nil {
		t.Fatal(err)
	}
	forged := given
	forged.By = "bob"
	for id, a := range map[string]understudy.SignedApproval{
		"a-1": {Approval: forged, Envelope: envelope}, // what was signed is ann's
		"a-2": {Approval: understudy.Approval{ID: "a-2", By: "bob", Release: v2, To: "production"}, Envelope: envelope},
		"a-3": {Approval: understudy.Approval{ID: "a-3", By: "eve", Release: v2, To: "production"}, Envelope: []byte("{}")},
	} {
		if err := d.store.Put(t.Context(), kindApproval, id, a); err != nil {
			t.Fatal(err)
		}
	}
	all, err := d.approvals(t.Context(), v2, "production")
	if err != nil || len(all) != 1 || all[0].By != "ann" || len(d.notes.list()) != 2 {
		t.Errorf("approvals %+v, %v, notes %q", all, err, d.notes.list())
	}
	if _, err := d.withdraw(t.Context(), "a-1", time.Now(), ""); err != nil {
		t.Fatal(err)
	}
	if all, err = d.approvals(t.Context(), v2, "production"); err != nil || len(all) != 1 || all[0].WithdrawnAt.IsZero() {
		t.Errorf("withdrawn: %+v, %v", all, err)
	}
}
