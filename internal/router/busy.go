package router

import "time"

// busy knows how many requests were being answered at once: now, at most, and on
// average since a moment. The caller tells it the time, which never runs backwards.
type busy struct {
	now, peak   int
	since, last time.Time
	area        time.Duration // request-seconds up to last
}

func newBusy(at time.Time) busy { return busy{since: at, last: at} }

// change notes that by more requests are being answered from now on.
func (b *busy) change(at time.Time, by int) {
	b.area += time.Duration(b.now) * at.Sub(b.last)
	b.last = at
	b.now += by
	b.peak = max(b.peak, b.now)
}

// reset begins anew with what is being answered at the moment.
func (b *busy) reset(at time.Time) { *b = busy{now: b.now, peak: b.now, since: at, last: at} }

// mean is the average number since the reset.
func (b *busy) mean(at time.Time) float64 {
	passed := at.Sub(b.since)
	if passed <= 0 {
		return float64(b.now)
	}
	return float64(b.area+time.Duration(b.now)*at.Sub(b.last)) / float64(passed)
}
