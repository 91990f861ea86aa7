package follow

import (
	"time"

	"understudy/internal/postgres/replication"
)

// sample is where production's log ended at a moment of our clock.
type sample struct {
	at  replication.LSN
	was time.Time
}

// samplesAtMost bounds the memory of a twin that is far behind: older samples get sparser.
const samplesAtMost = 1024

// Status is how far the twin is now.
func (f *Follower) Status() Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.forgetReached()
	now := f.status
	now.LagBytes = now.Server.Since(now.Applied)
	if len(f.samples) > 0 {
		now.Lag = time.Since(f.samples[0].was)
	}
	return now
}

// forgetReached drops the samples of places where the twin is.
func (f *Follower) forgetReached() {
	reached := 0
	for reached < len(f.samples) && f.samples[reached].at <= f.status.Applied {
		reached++
	}
	f.samples = f.samples[reached:]
}

// sampled takes note of where production is.
func (f *Follower) sampled(slot SlotState) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status.Server, f.status.Retained = slot.Server, slot.Retained
	f.forgetReached()
	if last := len(f.samples) - 1; last >= 0 && f.samples[last].at == slot.Server {
		return
	}
	f.samples = append(f.samples, sample{slot.Server, time.Now()})
	if len(f.samples) <= samplesAtMost {
		return
	}
	kept := f.samples[:1] // the oldest is what the lag is told by
	for i := 2; i < len(f.samples); i += 2 {
		kept = append(kept, f.samples[i])
	}
	f.samples = kept
}

func (f *Follower) applied(at replication.LSN, transactions, changes int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status.Applied = at
	f.status.Transactions += int64(transactions)
	f.status.Changes += int64(changes)
}

func (f *Follower) kept(at replication.LSN) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status.Confirmed = at
}

func (f *Follower) note(s State) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status.State = s
}

// connected takes note that both ends are reached.
func (f *Follower) connected(at replication.LSN) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status.State, f.status.Trouble, f.status.Applied, f.status.Confirmed = StateFollowing, "", at, at
}

func (f *Follower) wasConnected() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.status.State != StateConnecting
}

func (f *Follower) trouble(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status.State, f.status.Trouble = StateConnecting, err.Error()
	f.status.Reconnects++
}
