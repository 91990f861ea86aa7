package router

import (
	"context"
	"time"
)

// hold is a pause: requests wait in it until it is released, until its end, or until
// their client leaves. Its fields are guarded by the lock of the front it belongs to;
// released is closed once and may be waited for without the lock.
type hold struct {
	until    time.Time
	released chan struct{}
	woken    bool
	waiting  int
}

func newHold(until time.Time) *hold {
	return &hold{until: until, released: make(chan struct{})}
}

// wake lets everybody look again.
func (h *hold) wake() {
	if !h.woken {
		h.woken = true
		close(h.released)
	}
}

// admits tells whether one more request may wait.
func (h *hold) admits(now time.Time, most int) bool {
	return h.waiting < most && now.Before(h.until)
}

// wait returns when the pause ended, when its end as known before has come, or with an
// error when the client left. The caller looks again in any case.
func (h *hold) wait(ctx context.Context, until time.Time) error {
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-h.released:
		return nil
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
