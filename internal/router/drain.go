package router

import (
	"context"
	"time"

	"understudy"
)

// afterCut is how long the handlers of requests that were cut may take to notice.
const afterCut = 5 * time.Second

// lastWords is how long a request that was cut has to tell its client so.
const lastWords = time.Second

// drain waits until a slot has no claims. Upgraded connections and event streams are
// closed one by one over the limit, so that their clients do not come back all at once;
// whatever is left at the limit is cut. It refuses, and stops, when the slot has a share.
func (f *front) drain(ctx context.Context, deployment string, limit time.Duration) (Drained, error) {
	s, err := f.leave(deployment)
	if err != nil || s == nil {
		return Drained{}, err
	}
	return f.outlast(ctx, s, limit)
}

// leave marks a slot as leaving, and returns none where there is nothing to wait for.
func (f *front) leave(deployment string) (*slot, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.slots[deployment]
	switch {
	case s == nil:
		return nil, understudy.Errorf(understudy.KindNotFound, "front %s has no deployment %s to drain", f.record.Name, deployment)
	case f.split.has(s):
		return nil, understudy.Errorf(understudy.KindConflict, "deployment %s still has a share of front %s, so it cannot drain",
			deployment, f.record.Name).WithHint("split the requests among others first")
	case len(s.claims) == 0:
		s.idle()
		return nil, nil
	}
	s.leave()
	return s, nil
}

// leave makes the slot tell when its last claim is given back.
func (s *slot) leave() {
	if s.leaving == nil {
		s.leaving = &leaving{empty: make(chan struct{}), revived: make(chan struct{})}
	}
}

// outlast waits for the claims of a slot that leaves.
func (f *front) outlast(ctx context.Context, s *slot, limit time.Duration) (Drained, error) {
	leave, lasting := f.left(s)
	if leave == nil {
		return Drained{}, nil
	}
	var done Drained
	pace := newPace(lasting, limit)
	defer pace.stop()
	for {
		select {
		case <-leave.empty:
			f.forget(s)
			return done, nil
		case <-leave.revived:
			return done, understudy.Errorf(understudy.KindConflict,
				"deployment %s was given a share again while it drained", s.Deployment)
		case <-ctx.Done():
			return done, understudy.Errorf(understudy.KindConflict, "draining deployment %s: %w", s.Deployment, context.Cause(ctx))
		case <-pace.tick:
			done.Closed += f.cutOne(s, pace.next())
		case <-pace.end:
			cancelled, closed := f.cutAll(s)
			done.Cancelled, done.Closed = done.Cancelled+cancelled, done.Closed+closed
		case <-pace.giveUp:
			return done, understudy.Errorf(understudy.KindInternal,
				"draining deployment %s: requests were cut at the limit and did not end %s after it", s.Deployment, afterCut)
		}
	}
}

// left is what a drain waits for, and the claims that it has to close; no leaving where
// the last claim has been given back already.
func (f *front) left(s *slot) (*leaving, []*claim) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var lasting []*claim
	for c := range s.claims {
		if c.lasting {
			lasting = append(lasting, c)
		}
	}
	return s.leaving, lasting
}

// forget closes the connections to a drained slot's targets that are kept for reuse.
func (f *front) forget(s *slot) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s.idle()
}

func (s *slot) idle() {
	for _, p := range s.pools {
		p.idle()
	}
}

// cutOne ends one claim, unless it has ended already, and returns how many it ended.
func (f *front) cutOne(s *slot, c *claim) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, there := s.claims[c]; !there || c.wasCut {
		return 0
	}
	c.cut()
	return 1
}

func (f *front) cutAll(s *slot) (cancelled, closed int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range s.claims {
		if c.wasCut {
			continue
		}
		c.cut()
		if c.lasting {
			closed++
		} else {
			cancelled++
		}
	}
	return cancelled, closed
}

// pace spreads the closing of claims evenly over a limit.
type pace struct {
	left   []*claim
	ticker *time.Ticker
	timers []*time.Timer
	tick   <-chan time.Time // one more is due
	end    <-chan time.Time // the limit has come
	giveUp <-chan time.Time
}

func newPace(claims []*claim, limit time.Duration) *pace {
	end, giveUp := time.NewTimer(limit), time.NewTimer(limit+afterCut)
	p := &pace{left: claims, timers: []*time.Timer{end, giveUp}, end: end.C, giveUp: giveUp.C}
	if gap := limit / time.Duration(len(claims)+1); len(claims) > 0 && gap > 0 {
		p.ticker = time.NewTicker(gap)
		p.tick = p.ticker.C
	}
	return p
}

// next is the claim whose turn it is. After the last one there are no more ticks.
func (p *pace) next() *claim {
	c := p.left[0]
	p.left = p.left[1:]
	if len(p.left) == 0 {
		p.tick = nil
	}
	return c
}

func (p *pace) stop() {
	for _, t := range p.timers {
		t.Stop()
	}
	if p.ticker != nil {
		p.ticker.Stop()
	}
}
