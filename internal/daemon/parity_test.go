package daemon_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"understudy"
	"understudy/internal/api"
)

// accepting is the project with a key on staging that somebody answers for, and an acceptance
// that accepts nothing.
func (h *house) accepting() string {
	return strings.Replace(h.yaml(), `env: {PAYMENT_URL: "http://`+h.payments+`", SMTP_ADDR: "`+h.mail+`"}
    secrets: {API_KEY: "file:staging.key"}`, `env: {PAYMENT_URL: "http://`+h.payments+`", SMTP_ADDR: "`+h.mail+`", BY_HAND: "yes"}
    secrets: {API_KEY: "file:staging.key"}`, 1) + `parity:
  accepted:
    - {kind: configuration, name: BY_*, owner: ann, reason: tried for a week, until: 9999-12-31}
    - {kind: index, name: "*", twin: staging, owner: bob, reason: built by night, until: 9999-12-31}
`
}

// alike holds a rehearsal, and what was signed of it, to the likeness that was measured.
func (h *house) alike(t *testing.T, r understudy.Rehearsal, s understudy.Statement) {
	t.Helper()
	c, _ := r.Done(understudy.CheckParity)
	if c.Outcome != understudy.OutcomePassed || len(c.Evidence) != 1 || s.Parity == nil || s.Parity.Digest != c.Evidence[0].Digest {
		t.Fatalf("check parity is %+v, attested is %+v", c, s.Parity)
	}
	content, err := h.Evidence(limited(t), s.Parity.Digest)
	check(t, err)
	var whole understudy.Parity
	check(t, errors.Join(json.NewDecoder(content).Decode(&whole), content.Close()))
	if whole.A != "production" || whole.B != "staging" || whole.Figure != s.Parity.Figure || drifted(whole.Gaps) < 0 {
		t.Errorf("a fresh twin is measured as %+v", whole)
	}
	if a := s.Parity.Accepted; len(a) != 1 || a[0].Owner != "ann" || a[0].Differences != 1 || s.Parity.Accidental != drifted(whole.Gaps) {
		t.Errorf("attested is %+v", s.Parity)
	}
	var codes []string
	for _, f := range c.Findings {
		if f.Code != "parity.differs" || drifted(whole.Gaps) == 0 {
			codes = append(codes, f.Code)
		}
	}
	if !slices.Equal(codes, []string{"parity.acceptance-unused", "parity.accepted"}) {
		t.Errorf("found is %v", codes)
	}
	told := 0
	check(t, h.JournalEntries(limited(t), 1, func(e understudy.Entry) error {
		if e.Act == "parity.accepted" && e.Subject == r.ID {
			told++
			if e.Facts["owner"] != "ann" || e.Facts["until"] != "9999-12-31" || e.Facts["name"] != "BY_*" || e.Facts["verdict"] != r.Verdict || e.Reason != "tried for a week" {
				t.Errorf("the journal says %+v", e)
			}
		}
		return nil
	}))
	if told != 1 {
		t.Errorf("the journal tells %d times of what is accepted", told)
	}
}

// drifted counts the accidental differences of a fresh twin: customers write in production
// meanwhile, so that its sizes may move. -1: there are others.
func drifted(gaps []understudy.Gap) int {
	n := 0
	for _, g := range gaps {
		if !g.Accidental() {
			continue
		}
		if kind, known := understudy.GapKindOf(g.Kind); !known || !kind.Scaled {
			return -1
		}
		n++
	}
	return n
}

// behind holds the history to it that a promotion leaves the twin behind, and watching to it
// that it sees the same.
func (h *house) behind(t *testing.T, p understudy.Promotion) {
	t.Helper()
	var past understudy.ParityHistory
	h.until(t, "the likeness was measured after the promotion", func() bool {
		var err error
		past, err = h.ParityHistory(limited(t), api.ParityHistory{A: "staging", B: "production"})
		check(t, err)
		return slices.ContainsFunc(past.Stretches, func(s understudy.ParityStretch) bool {
			return slices.ContainsFunc(s.Occasions, func(o understudy.ParityOccasion) bool {
				return o.What == understudy.OccasionPromotion && o.ID == p.ID && o.Label == p.Label
			})
		})
	})
	first, last := past.Stretches[0], past.Stretches[len(past.Stretches)-1]
	if slices.ContainsFunc(first.Kinds, func(k understudy.GapSum) bool {
		kind, known := understudy.GapKindOf(k.Kind)
		return k.Accidental > 0 && !(known && kind.Scaled)
	}) || len(first.Occasions) != 1 || first.Occasions[0].What != understudy.OccasionRehearsal || last.Figure >= 100 {
		t.Errorf("it went from %+v to %+v", first, last)
	}
	if !slices.ContainsFunc(last.Changes, func(c understudy.ParityChange) bool {
		return c.What == understudy.GapCame && c.Gap.Kind == "release" && c.Gap.Accidental()
	}) {
		t.Errorf("what came is %+v", last.Changes)
	}
	if len(past.Promoted) != 1 || past.Promoted[0].Label != p.Label || past.A != "production" {
		t.Errorf("promoted to %s was %+v", past.A, past.Promoted)
	}
	seen, enough := 0, errors.New("enough")
	err := h.WatchParity(limited(t), api.WatchParity{Every: time.Second}, func(l api.Likeness) error {
		if l.Failed != "" || l.Parity.A != "production" || l.Parity.Figure >= 100 {
			t.Errorf("watched is %+v", l)
		}
		if seen++; seen == 2 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) {
		t.Errorf("watching ends with %v", err)
	}
}
