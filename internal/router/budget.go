package router

import "sync/atomic"

// Retries are paid from a budget that requests fill, so that they cannot make an outage
// worse: at most one request in five is repeated, beyond a few.
const (
	retryCost    = 5 // requests that pay for one retry
	retriesSaved = 20
)

// budget counts in requests. More of them at once may overfill it by as many.
type budget struct{ saved atomic.Int64 }

func newBudget() *budget {
	b := &budget{}
	b.saved.Store(retryCost * retriesSaved)
	return b
}

// earn is called for each request.
func (b *budget) earn() {
	if b.saved.Load() < retryCost*retriesSaved {
		b.saved.Add(1)
	}
}

// spend tells whether a retry can be paid for, and pays.
func (b *budget) spend() bool {
	if b.saved.Add(-retryCost) >= 0 {
		return true
	}
	b.saved.Add(retryCost)
	return false
}
