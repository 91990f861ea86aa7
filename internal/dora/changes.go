package dora

import (
	"slices"
	"time"

	"understudy"
)

// Soon is how long after a deployment a hotfix or a hold speaks against it. A rollback does
// whenever it is.
const Soon = 24 * time.Hour

// deployments are the promotions to an environment that got traffic, in the order in which
// they did.
func (l *Ledger) deployments(environment string) []*promotion {
	var out []*promotion
	for _, p := range l.order {
		if p.to == environment && !p.switched.IsZero() {
			out = append(out, p)
		}
	}
	slices.SortStableFunc(out, func(a, b *promotion) int { return a.switched.Compare(b.switched) })
	return out
}

// changes are all deployments of an environment, judged.
func (l *Ledger) changes(environment string) []understudy.Change {
	all := l.deployments(environment)
	out := make([]understudy.Change, len(all))
	for i, p := range all {
		out[i] = understudy.Change{Promotion: p.id, Release: p.label, At: p.switched}
		l.measureLead(p, &out[i])
		var next *promotion
		if i+1 < len(all) {
			next = all[i+1]
		}
		why, recovered := l.failed(p, next)
		out[i].Failed = why
		if !recovered.IsZero() {
			out[i].Recovered = recovered.Sub(p.switched)
		}
		switch {
		case p.hotfix:
			out[i].Rework = "it was brought past the gate"
		case i > 0 && out[i-1].Failed != "":
			out[i].Rework = "it follows " + out[i-1].Release + ", which had failed"
		}
	}
	return out
}

// measureLead is the time from the commit, else from the release, until all traffic went
// to it. One that never had all of it has none.
func (l *Ledger) measureLead(p *promotion, c *understudy.Change) {
	made, known := l.releases[p.digest]
	if !known || p.everyone.IsZero() {
		return
	}
	begins, from := made.created, "release"
	if !made.committed.IsZero() && made.committed.Before(p.everyone) {
		begins, from = made.committed, "commit"
	}
	c.LeadTime, c.From = p.everyone.Sub(begins), from
}

// failed says why a deployment counts as failed, and when production had recovered; zero:
// it has not yet.
func (l *Ledger) failed(p, next *promotion) (why string, recovered time.Time) {
	if !p.turned.IsZero() {
		why = "it was rolled back by itself"
		if !p.asked.IsZero() {
			why = "somebody rolled it back"
		}
		if recovered = p.answer; recovered.IsZero() {
			recovered = p.back
		}
		return why, recovered
	}
	if next != nil && next.hotfix && next.switched.Sub(p.switched) <= Soon {
		return "a hotfix was brought past the gate after it", next.everyone
	}
	for _, h := range l.holds {
		if after := h.at.Sub(p.switched); h.on == p.to && after >= 0 && after <= Soon && (next == nil || h.at.Before(next.switched)) {
			return "a hold was placed after it", h.lifted
		}
	}
	return "", time.Time{}
}

// reached are the digests that had traffic in an environment, and since when last.
func (l *Ledger) reached(environment string) map[string]time.Time {
	out := map[string]time.Time{}
	for _, p := range l.deployments(environment) {
		out[p.digest] = p.switched
	}
	return out
}
