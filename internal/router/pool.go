package router

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"understudy"
)

// pool is a route's addresses. Each request goes to the less busy of two that are fit;
// where none is, to any: a look may be wrong, and an answer of 502 helps nobody.
type pool struct {
	Route
	name    string // of its front, for people
	release string
	unfit   Problem // that no target is well, but for its text
	shared  *shared
	proxy   http.Handler
	budget  *budget
	targets []*target
	fit     atomic.Pointer[[]*target] // whom new requests go to; never empty

	retried [2]atomic.Int64 // causeRefused, causeReset
	denied  atomic.Int64    // retries that the budget did not pay for

	mu     sync.Mutex
	unwell bool // no target is well, and that was said

	watching sync.WaitGroup
	stop     context.CancelFunc
}

func newPool(r Route, name, release string, shared *shared) *pool {
	p := &pool{Route: r, name: name, release: release, shared: shared, budget: newBudget()}
	for _, address := range r.Addresses {
		p.targets = append(p.targets, newTarget(address, r.Protocol))
	}
	p.fit.Store(&p.targets)
	p.proxy = newProxy(p, shared)
	return p
}

// start begins to look at the targets. Stop ends it; it is called once.
func (p *pool) start() {
	ctx, cancel := context.WithCancel(context.Background())
	p.stop = cancel
	for _, t := range p.targets {
		p.watching.Go(func() { p.watch(ctx, t) })
	}
	p.watching.Go(func() { p.tend(ctx) })
}

// retire ends the looking; connections end with their requests.
func (p *pool) retire() {
	if p.stop != nil {
		p.stop()
	}
	p.watching.Wait()
	p.shared.over(p.unfit)
	for _, t := range p.targets {
		t.carrier.retire()
	}
}

func (p *pool) idle() {
	for _, t := range p.targets {
		t.carrier.CloseIdleConnections()
	}
}

// RoundTrip sends a visit's request to a target, and again where that is safe.
func (p *pool) RoundTrip(r *http.Request) (*http.Response, error) {
	v := visitOf(r.Context())
	p.budget.earn()
	var last *target
	for tries := 1; ; tries++ {
		t := p.pick(last)
		v.moveTo(t)
		answer, err := t.carrier.RoundTrip(r)
		v.waitOver()
		if err == nil {
			t.noteAnswer(answer.StatusCode)
			return answer, nil
		}
		if r.Context().Err() != nil || v.bodyErr.Load() != nil { // its client's doing
			return nil, err
		}
		v.blamed = true
		p.fault(t, err)
		if !p.again(r, err, tries) {
			return nil, err
		}
		if p.pick(t) == t && !wait(r.Context(), retryAfter) {
			return nil, err
		}
		v.blamed = false
		last = t
	}
}

// again tells whether a request is sent once more, and pays for it.
func (p *pool) again(r *http.Request, err error, tries int) bool {
	why := repeatable(r, err, tries, len(p.targets))
	switch {
	case why == causeNone:
		return false
	case !p.budget.spend():
		p.denied.Add(1)
		return false
	case why == causeRefused:
		p.retried[0].Add(1)
	default:
		p.retried[1].Add(1)
	}
	return true
}

// pick is the less busy of two fit targets that are taken at random; another than not,
// where there is one.
func (p *pool) pick(not *target) *target {
	fit := *p.fit.Load()
	if len(fit) == 1 && fit[0] != not {
		return fit[0]
	}
	if not != nil {
		if fit = others(fit, not); len(fit) == 0 {
			fit = others(p.targets, not)
		}
		if len(fit) == 0 {
			return not
		}
	}
	if len(fit) == 1 {
		return fit[0]
	}
	i := rand.IntN(len(fit))
	j := rand.IntN(len(fit) - 1)
	if j >= i {
		j++
	}
	if fit[j].running.Load() < fit[i].running.Load() {
		return fit[j]
	}
	return fit[i]
}

func others(targets []*target, not *target) []*target {
	return slices.DeleteFunc(slices.Clone(targets), func(t *target) bool { return t == not })
}

// fault notes what no answer came of. A target with many of them in a row is ejected at once.
func (p *pool) fault(t *target, err error) {
	if t.noteFault(err) < faultsInARow {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.eject(t, fmt.Sprintf("%d requests in a row got no answer, the last because of: %v", t.streak.Load(), err), time.Now())
}

// eject keeps new requests from a target for a while, unless half are kept already. The
// lock is held.
func (p *pool) eject(t *target, why string, now time.Time) {
	out := 0
	for _, other := range p.targets {
		if !other.ejected.until.IsZero() {
			out++
		}
	}
	if !t.ejected.until.IsZero() || out >= len(p.targets)/2 {
		return
	}
	t.ejected.begin(now, why)
	t.streak.Store(0)
	p.shared.log.Warn("an address is given no new requests for a while", "front", p.name, "release", p.release,
		"address", t.address, "until", t.ejected.until, "because", why)
	p.refit()
}

// refit chooses whom new requests go to. The lock is held.
func (p *pool) refit() {
	well, fit := []*target{}, []*target{}
	for _, t := range p.targets {
		if t.health.ill {
			continue
		}
		well = append(well, t)
		if t.ejected.until.IsZero() {
			fit = append(fit, t)
		}
	}
	switch {
	case len(fit) > 0:
		p.fit.Store(&fit)
	case len(well) > 0:
		p.fit.Store(&well)
	default:
		p.fit.Store(&p.targets)
	}
	p.tell(len(well) == 0)
}

// tell says once that no target is well, and when one is again.
func (p *pool) tell(unwell bool) {
	if unwell == p.unwell {
		return
	}
	p.unwell = unwell
	if unwell {
		told := p.unfit
		told.Text = fmt.Sprintf("release %s: no address of %s passes its health checks (%s); requests are still sent there",
			p.release, p.Prefix, p.targets[0].health.reason)
		p.shared.tell(told)
		return
	}
	p.shared.over(p.unfit)
	p.shared.log.Info("an address passes its health checks again", "front", p.name, "release", p.release, "route", p.Prefix)
}

// states are the targets as they are now.
func (p *pool) states(route int) (out []TargetState) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, t := range p.targets {
		s := TargetState{Route: route, Address: t.address, Running: t.running.Load(), Well: !t.health.ill, Since: t.health.since,
			Ejected: t.ejected.until, Times: t.ejected.ever, Reason: t.health.reason}
		if !t.ejected.until.IsZero() && s.Reason == "" {
			s.Reason = t.ejected.why
		}
		out = append(out, s)
	}
	return out
}

// lasts tells whether an answer of this route may last although nothing in it says so.
func (p *pool) lasts() bool { return p.Protocol == understudy.ProtocolGRPC }
