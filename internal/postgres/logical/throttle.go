package logical

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"understudy/internal/yield"
)

// throttle holds the readers back: to a rate while production is at work, altogether
// while it has more to do than was agreed. Whoever watches production calls follow.
type throttle struct {
	gentle  Gentle
	limiter *rate.Limiter

	mu      sync.Mutex
	open    chan struct{} // closed while readers may go on
	shut    time.Time     // since when they may not; zero if they may
	calm    int           // samples in a row within the load agreed
	idle    int           // samples in a row without anybody at work
	paused  time.Duration
	limited time.Duration
	busiest int
}

// A pause ends after so many samples within the load, and the rate limit after so many
// that saw nobody at work: sessions that work in bursts are at work.
const (
	calmSamples = 3
	idleSamples = 8
)

// newThrottle begins at the limited rate: nobody has looked yet.
func newThrottle(g Gentle) *throttle {
	t := &throttle{gentle: g, limiter: rate.NewLimiter(rate.Inf, pieceSize), open: make(chan struct{})}
	close(t.open)
	if g.Rate > 0 {
		t.limiter.SetLimit(rate.Limit(g.Rate))
	}
	return t
}

// work runs what costs the processor, which it leaves to others where there is a limit.
func (t *throttle) work(act func() error) error {
	if t.gentle.Rate < 0 {
		return act()
	}
	return yield.Run(act)
}

// take waits until so many bytes may be read.
func (t *throttle) take(ctx context.Context, bytes int) error {
	t.mu.Lock()
	open := t.open
	t.mu.Unlock()
	select {
	case <-open:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	began := time.Now()
	for left := bytes; left > 0 && t.limiter.Limit() != rate.Inf; left -= t.limiter.Burst() {
		if err := t.limiter.WaitN(ctx, min(left, t.limiter.Burst())); err != nil {
			<-ctx.Done() // it says so beforehand when a deadline comes first
			return context.Cause(ctx)
		}
	}
	if waited := time.Since(began); waited > time.Millisecond {
		t.mu.Lock()
		t.limited += waited
		t.mu.Unlock()
	}
	return nil
}

// follow is told how many sessions of others are at work.
func (t *throttle) follow(atWork int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.busiest = max(t.busiest, atWork)
	t.idle++
	if atWork > 0 {
		t.idle = 0
	}
	switch {
	case t.gentle.Rate < 0:
	case t.idle >= idleSamples:
		t.limiter.SetLimit(rate.Inf)
	case t.idle == 0:
		t.limiter.SetLimit(rate.Limit(t.gentle.Rate))
	}
	t.calm++
	if t.gentle.MaxLoad > 0 && atWork > t.gentle.MaxLoad {
		t.calm = 0
		if t.shut.IsZero() {
			t.shut, t.open = time.Now(), make(chan struct{})
		}
	}
	if !t.shut.IsZero() && t.calm >= calmSamples {
		t.paused += time.Since(t.shut)
		t.shut = time.Time{}
		close(t.open)
	}
}

// held tells how long readers stood still, how long they waited for the rate, and the
// most sessions that were at work.
func (t *throttle) held() (paused, limited time.Duration, busiest int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	paused = t.paused
	if !t.shut.IsZero() {
		paused += time.Since(t.shut)
	}
	return paused, t.limited, t.busiest
}
