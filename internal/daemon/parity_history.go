package daemon

import (
	"context"
	"errors"
	"time"

	"understudy"
	"understudy/internal/api"
	"understudy/internal/store"
)

// keepMeasured writes a measurement down: it goes on with the last stretch where it found
// the same, and begins one otherwise. Its list is kept once, by its digest.
func (d *Daemon) keepMeasured(ctx context.Context, p understudy.Parity, why *understudy.ParityOccasion) error {
	ctx = context.WithoutCancel(ctx)
	list := p.Listed()
	digest, err := list.Digest()
	if err != nil {
		return err
	}
	d.measured.Lock()
	defer d.measured.Unlock()
	all, err := d.allStretches(ctx)
	if err != nil {
		return err
	}
	had := between(all, p.A, p.B)
	if n := len(had); n > 0 && had[n-1].GoesOn(p, digest) {
		last := had[n-1].And(p, why)
		return d.store.Put(ctx, kindParity, last.ID, last)
	}
	now := p.Stretch(newID(), digest, why)
	if err := d.store.Put(ctx, kindParityList, digest.Hex(), list); err != nil { // first: a stretch without its list says nothing
		return err
	}
	if err := d.store.Put(ctx, kindParity, now.ID, now); err != nil {
		return err
	}
	return d.thin(ctx, append(all, now), append(had, now), p.MeasuredAt)
}

// allStretches are those of every two environments, oldest first. One that cannot be read is
// noted, and keeps nobody from measuring.
func (d *Daemon) allStretches(ctx context.Context) ([]understudy.ParityStretch, error) {
	all, err := store.All[understudy.ParityStretch](ctx, d.store, kindParity)
	if err != nil && understudy.KindOf(err) != understudy.KindInternal {
		return nil, err
	}
	text := ""
	if err != nil {
		text = "reading what was measured of environments: " + err.Error()
	}
	d.notes.set("likeness", text)
	return all, nil
}

func between(all []understudy.ParityStretch, a, b string) []understudy.ParityStretch {
	var out []understudy.ParityStretch
	for _, s := range all {
		if s.A == a && s.B == b {
			out = append(out, s)
		}
	}
	return out
}

// thin removes what is kept no longer of two environments, and the lists that nobody else
// has found.
func (d *Daemon) thin(ctx context.Context, all, had []understudy.ParityStretch, now time.Time) error {
	gone := understudy.ThinParity(had, now)
	if len(gone) == 0 {
		return nil
	}
	used := map[understudy.Digest]int{}
	for _, s := range all {
		used[s.List]++
	}
	var failed []error
	for _, s := range gone {
		failed = append(failed, d.store.Delete(ctx, kindParity, s.ID))
		if used[s.List]--; used[s.List] == 0 {
			failed = append(failed, d.store.Delete(ctx, kindParityList, s.List.Hex()))
		}
	}
	return errors.Join(failed...)
}

// usualHistory is how far back a history goes where nobody says.
const usualHistory = 30 * 24 * time.Hour

// ParityHistory is what was measured of two environments, with what changed each time.
func (d *Daemon) ParityHistory(ctx context.Context, request api.ParityHistory) (understudy.ParityHistory, error) {
	a, b, err := d.pair(request.A, request.B)
	if err != nil {
		return understudy.ParityHistory{}, err
	}
	since := request.Since
	if since.IsZero() {
		since = time.Now().Add(-usualHistory)
	}
	all, err := d.allStretches(ctx)
	if err != nil {
		return understudy.ParityHistory{}, err
	}
	h := understudy.ParityHistory{A: a, B: b, Stretches: []understudy.ParityStretch{}}
	before := understudy.Digest("")
	for _, s := range between(all, a, b) {
		if !s.Until.Before(since) {
			if s.Changes, err = d.changes(ctx, before, s.List); err != nil {
				return h, err
			}
			h.Stretches = append(h.Stretches, s)
		}
		before = s.List
	}
	h.Promoted, err = d.settledIn(ctx, since, a, b)
	return h, err
}

// changes are what one list has that the one before it had not. Of the first of all nothing
// is told: all of it is new.
func (d *Daemon) changes(ctx context.Context, before, now understudy.Digest) ([]understudy.ParityChange, error) {
	if before == "" || before == now {
		return nil, nil
	}
	var was, is understudy.ParityList
	err := errors.Join(d.store.Get(ctx, kindParityList, before.Hex(), &was), d.store.Get(ctx, kindParityList, now.Hex(), &is))
	return understudy.ParityChanges(was.Gaps, is.Gaps), err
}

// settledIn are the releases that settled since a moment in one of some environments.
func (d *Daemon) settledIn(ctx context.Context, since time.Time, environments ...string) ([]understudy.Promoted, error) {
	all, err := d.Promotions(ctx)
	var out []understudy.Promoted
	for _, p := range all {
		for _, e := range environments {
			if p.To == e && settled(p) && !p.EndedAt.Before(since) {
				out = append(out, understudy.Promoted{At: p.EndedAt, To: p.To, Label: p.Label})
			}
		}
	}
	return out, err
}

func settled(p understudy.Promotion) bool {
	switch p.State {
	case understudy.PromotionSettled, understudy.PromotionContracting, understudy.PromotionContracted:
		return true
	}
	return false
}
