package router

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"understudy"
)

// front is a live front door: a record, and what serves it.
type front struct {
	shared   *shared
	settings atomic.Pointer[settings]

	// mu is the one lock of requests: whoever holds it sees pause, split and claims agree.
	// Nothing slow is done under it.
	mu      sync.Mutex
	record  record
	slots   map[string]*slot
	split   split
	hold    *hold
	longest time.Duration // that a request waited in the latest pause
	closed  *closure      // nil: there is no maintenance
	closing bool          // nobody is kept waiting any more
	since   time.Time

	nowhere   *figures     // requests that no slot was there for
	listener  net.Listener // nil: it has no port
	redirects net.Listener // nil: it has no second port

	redirectAt string     // where that is, as it was wished for
	doors      []*doorway // the first is that of listener
	crowd      *crowd
	keys       atomic.Pointer[certificates] // nil: it speaks no TLS
	keysFor    wishes                       // changed as the record is: one change at a time
}

var (
	errNothing = errors.New("nothing is deployed here yet")
	errHeld    = errors.New("the pause is full or over its limit")
	errClosed  = errors.New("the front is closed for maintenance")
	errUnknown = errors.New("the release that was chosen is not deployed")
	errClosing = errors.New("the front door is closing")
	errProbed  = errors.New("a balancer asks during a pause")
)

func newFront(shared *shared) *front {
	f := &front{shared: shared, slots: map[string]*slot{}, nowhere: newFigures(), since: time.Now(), crowd: newCrowd()}
	f.doors = []*doorway{{front: f, handler: f}}
	return f
}

// adopt brings the live front into line with a record that is valid. Requests see all
// of it or nothing of it.
func (f *front) adopt(r record) error {
	s, err := r.Front.settings()
	if err != nil {
		return err
	}
	closed, err := r.Maintenance.closure()
	if err != nil {
		return err
	}
	f.adoptKeys(r)
	f.settings.Store(s)
	f.mu.Lock()
	fresh, old := f.adoptSlots(r)
	f.adoptSplit(r.Shares)
	f.adoptPause(r.PausedUntil)
	f.adoptMaintenance(closed)
	f.record = r
	f.mu.Unlock()
	for _, p := range old { // first: what they told is over before those that replace them look
		p.retire()
	}
	for _, p := range fresh {
		p.start()
	}
	return nil
}

// adoptSlots returns the pools that are new, and those that nothing is sent to any more.
func (f *front) adoptSlots(r record) (fresh, old []*pool) {
	for _, want := range r.Slots {
		have := f.slots[want.Deployment]
		switch {
		case have == nil:
			have = newSlot(want, r.Name, f.shared)
			f.slots[want.Deployment] = have
			fresh = append(fresh, have.pools...)
		case !slices.EqualFunc(have.Routes, want.Routes, Route.equal):
			old = append(old, have.pools...)
			have.Routes, have.pools = want.Routes, newPools(want, r.Name, f.shared) // the rest never changes, and is read without the lock
			fresh = append(fresh, have.pools...)
		}
	}
	for deployment, have := range f.slots {
		if r.slot(deployment) < 0 {
			old = append(old, have.pools...)
			delete(f.slots, deployment)
		}
	}
	return fresh, old
}

// adoptSplit swaps the split. A slot that is given a share is no longer leaving.
func (f *front) adoptSplit(shares []Share) {
	fresh, end := make(split, 0, len(shares)), 0
	for _, share := range shares {
		end += share.Percent * points / 100
		s := f.slots[share.Deployment]
		fresh = append(fresh, portion{slot: s, end: end})
		if s.leaving != nil {
			close(s.leaving.revived)
			s.leaving = nil
		}
	}
	f.split = fresh
}

func (f *front) adoptPause(until time.Time) {
	switch {
	case until.IsZero() && f.hold != nil:
		f.hold.wake()
		f.hold = nil
	case !until.IsZero() && f.hold == nil:
		f.hold, f.longest = newHold(until), 0
	case !until.IsZero():
		f.hold.until = until
	}
}

// adoptMaintenance closes the front. Whoever waits in a pause looks again: it is answered
// with the page now, unless it is let through, which goes on waiting.
func (f *front) adoptMaintenance(closed *closure) {
	if closed != nil && f.hold != nil {
		until := f.hold.until
		f.hold.wake()
		f.hold = newHold(until)
	}
	f.closed = closed
}

// claim gives a request its slot, after any pause, and tells whether there was a choice.
// It is the only way to a target, and every claim is given back by release. Maintenance
// goes before a pause: what would not be served does not wait.
func (f *front) claim(ctx context.Context, c *claim, v *visit) (split bool, err error) {
	for {
		f.mu.Lock()
		if f.closed != nil && !f.closed.lets(v) {
			v.closure = f.closed
			f.mu.Unlock()
			return false, errClosed
		}
		if f.hold == nil {
			err := f.choose(c, v)
			split = len(f.split) > 1
			f.mu.Unlock()
			return split, err
		}
		if f.closing {
			f.mu.Unlock()
			return false, errClosing
		}
		held, until, now := f.hold, f.hold.until, time.Now()
		if now.Before(until) && v.isProbe() && !v.wantsPage() {
			f.mu.Unlock()
			return false, errProbed
		}
		if !held.admits(now, f.settings.Load().queue) {
			f.mu.Unlock()
			return false, errHeld
		}
		held.waiting++
		f.mu.Unlock()
		err := held.wait(ctx, until)
		f.mu.Lock()
		held.waiting--
		f.longest = max(f.longest, time.Since(v.startedAt))
		f.mu.Unlock()
		if err != nil {
			return false, err
		}
	}
}

// choose claims a slot under the lock.
func (f *front) choose(c *claim, v *visit) error {
	s := f.split.pick(v.point)
	if v.chosen != "" {
		if s = f.deployed(v.chosen); s == nil {
			return errUnknown
		}
	}
	if s == nil {
		return errNothing
	}
	c.slot, c.pool = s, s.pool(v.host, v.request.URL.Path)
	c.foreign = c.pool == nil && !s.knows(v.host)
	s.claims[c] = struct{}{}
	if c.aside = v.chosen != ""; c.aside {
		s.aside++
		return nil
	}
	s.busy.change(time.Now(), +1)
	return nil
}

// last marks a claim as one that ends when its client wishes.
func (f *front) last(c *claim) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, there := c.slot.claims[c]; there && !c.lasting {
		c.lasting = true
		if !c.aside {
			c.slot.busy.change(time.Now(), -1)
		}
	}
}

// release gives a claim back.
func (f *front) release(c *claim) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(c.slot.claims, c)
	switch {
	case c.aside:
		c.slot.aside--
	case !c.lasting:
		c.slot.busy.change(time.Now(), -1)
	}
	if len(c.slot.claims) == 0 && c.slot.leaving != nil {
		close(c.slot.leaving.empty)
		c.slot.leaving = nil
	}
}

// open tells whether the front has its port.
func (f *front) open() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.listener != nil
}

// state is the front as it is now.
func (f *front) state(now time.Time) FrontState {
	shown := f.shown(now)
	f.mu.Lock()
	defer f.mu.Unlock()
	s := FrontState{Front: f.record.Front, Open: f.listener != nil, Shares: slices.Clone(f.record.Shares),
		PausedUntil: f.record.PausedUntil, Since: f.since, Maintenance: f.record.Maintenance, RedirectOpen: f.redirects != nil,
		Refused: f.crowd.refused.Load(), Certificates: shown}
	s.Connections, s.Idle = f.crowd.size()
	s.Waited = f.longest
	if f.hold != nil {
		s.Waiting = f.hold.waiting
	}
	for _, rec := range f.record.Slots {
		live := f.slots[rec.Deployment]
		s.Slots = append(s.Slots, SlotState{Slot: rec, Running: live.busy.now, Lasting: len(live.claims) - live.busy.now - live.aside,
			Draining: live.leaving != nil, RefusedFor: live.refusedFor(now), Targets: live.states(), Retries: live.retries(), Served: live.served(now)})
	}
	return s
}

func (f *front) served() []understudy.Served {
	var out []understudy.Served
	for _, s := range f.state(time.Now()).Slots {
		out = append(out, s.Served)
	}
	return out
}

func (f *front) resetFigures() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.since = time.Now()
	for _, s := range f.slots {
		s.figures.reset()
		s.busy.reset(f.since)
	}
}
