package router

import (
	"context"
	"fmt"
	"math"
	"time"
)

const (
	faultsInARow  = 5
	tendEvery     = 500 * time.Millisecond // also how exactly idle connections are closed
	ejectedFirst  = 10 * time.Second       // then twice as long each time
	ejectedAtMost = 5 * time.Minute
	forgivenAfter = 5 * time.Minute // without an ejection, the next is short again

	judgedFrom  = 20  // requests, of the target and of the others together
	shareBeyond = 0.2 // by which a target's share of failures exceeds the others'
	clearly     = 3.0 // standard deviations
	stalledFrom = 3   // requests that began and got nothing
)

// windows are how far back a target's requests are looked at, in looks: what is busy
// shows soon, what is not, later. Long polls have no answer in the short one either.
func windows() []int { return []int{shortly, 120} }

const shortly = 10

// ejection is how often and until when a target is given no new requests.
type ejection struct {
	until time.Time // zero: it is given some
	ended time.Time
	times int // in a row, for the length of the next one
	ever  int
	why   string
}

// begin ejects a target: the first time shortly, then for longer and longer.
func (e *ejection) begin(now time.Time, why string) {
	if now.Sub(e.ended) > forgivenAfter {
		e.times = 0
	}
	e.until = now.Add(min(ejectedFirst<<min(e.times, 10), ejectedAtMost))
	e.why = why
	e.times++
	e.ever++
}

// over ends an ejection whose time has come, and tells whether it did.
func (e *ejection) over(now time.Time) bool {
	if e.until.IsZero() || now.Before(e.until) {
		return false
	}
	e.until, e.ended = time.Time{}, now
	return true
}

// counts are what became of requests.
type counts struct{ begun, answered, broken, faults int64 }

func (c counts) minus(o counts) counts {
	return counts{c.begun - o.begun, c.answered - o.answered, c.broken - o.broken, c.faults - o.faults}
}

func (c counts) plus(o counts) counts {
	return counts{c.begun + o.begun, c.answered + o.answered, c.broken + o.broken, c.faults + o.faults}
}

// ended and failed are what shares are made of.
func (c counts) ended() float64  { return float64(c.answered + c.faults) }
func (c counts) failed() float64 { return float64(c.broken + c.faults) }

// outlying says why a target is worse than the others of its route, from what became of
// the requests of each in the same time, and how many wait for their answer now, whenever
// they came; empty: it is not. One that may be waiting, as requests can last for longer than
// that time, is no worse for having answered nothing.
func outlying(one, others counts, waiting int64, mayWait bool) string {
	stuck := max(one.begun, waiting)
	if !mayWait && others.answered >= judgedFrom && stuck >= stalledFrom && one.answered == 0 {
		return fmt.Sprintf("%d requests got no answer while other addresses answered %d", stuck, others.answered)
	}
	n, m := one.ended(), others.ended()
	if n < judgedFrom || m < judgedFrom {
		return ""
	}
	share, theirs := one.failed()/n, others.failed()/m
	all := (one.failed() + others.failed()) / (n + m)
	deviation := math.Sqrt(all * (1 - all) * (1/n + 1/m))
	if share < theirs+shareBeyond || share-theirs < clearly*deviation {
		return ""
	}
	return fmt.Sprintf("%.0f %% of its requests failed, and %.0f %% at other addresses", 100*share, 100*theirs)
}

// history is what the counts were at the last looks.
type history struct {
	past [121]counts
	next int
}

func (h *history) add(c counts) {
	h.past[h.next%len(h.past)] = c
	h.next++
}

// since is what was added in the last looks, or since the first of them.
func (h *history) since(looks int) counts {
	newest := h.past[(h.next-1)%len(h.past)]
	return newest.minus(h.past[max(h.next-1-looks, 0)%len(h.past)])
}

// full tells whether there were so many looks.
func (h *history) full(looks int) bool { return h.next > looks }

// tend ends ejections, finds targets that are worse than the others, and closes idle
// connections, until the context ends.
func (p *pool) tend(ctx context.Context) {
	ticker := time.NewTicker(tendEvery)
	defer ticker.Stop()
	for {
		select {
		case now := <-ticker.C:
			p.judge(now)
			for _, t := range p.targets {
				t.carrier.sweep(now)
			}
		case <-ctx.Done():
			return
		}
	}
}

// judge looks once at what became of requests.
func (p *pool) judge(now time.Time) {
	if len(p.targets) < 2 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, t := range p.targets {
		t.seen.add(t.counts())
		if t.ejected.over(now) {
			t.seen = history{}
			t.seen.add(t.counts())
			p.refit()
		}
	}
	for _, looks := range windows() {
		for _, t := range p.targets {
			mayWait := p.answersLooks(t) && (looks == shortly || !t.seen.full(looks))
			if why := outlying(t.seen.since(looks), p.besides(t, looks), t.waiting.Load(), mayWait); why != "" && t.ejected.until.IsZero() {
				p.eject(t, why, now)
			}
		}
	}
}

// answersLooks tells whether a target answers the requests that look after its health.
func (p *pool) answersLooks(t *target) bool {
	return p.Health.Path != "" && t.health.looked && !t.health.ill && t.health.run == 0
}

// besides is what became of the requests of all other targets that are given some.
func (p *pool) besides(one *target, looks int) (sum counts) {
	for _, t := range p.targets {
		if t != one && t.ejected.until.IsZero() {
			sum = sum.plus(t.seen.since(looks))
		}
	}
	return sum
}
