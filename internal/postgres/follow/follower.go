package follow

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"understudy"
	"understudy/internal/postgres"
	"understudy/internal/postgres/replication"
)

// Follower keeps one twin current. Run does the work; the other methods may be called at
// any time, from any goroutine, whether it runs or not.
type Follower struct {
	spec    Spec
	gate    *gate
	running atomic.Bool

	mu       sync.Mutex
	status   Status
	samples  []sample         // where production stood when, as far as the twin is not there yet
	expected *postgres.Schema // what production's has to be
}

// State is what a follower is doing.
type State string

// The states of a follower.
const (
	StateStopped    State = "stopped"    // Run is not running
	StateConnecting State = "connecting" // for the first time, or again, or waiting for Resume
	StateFollowing  State = "following"
	StatePaused     State = "paused" // at a commit, with no session on the twin's database
)

// Status is how far a twin is.
type Status struct {
	State     State           `json:"state"`
	Applied   replication.LSN `json:"applied"`   // committed in the twin
	Confirmed replication.LSN `json:"confirmed"` // on its disk, so that production may forget it
	Server    replication.LSN `json:"server"`    // where production's log ended a moment ago
	LagBytes  int64           `json:"lagBytes"`  // from Applied to Server
	// Lag is how long ago production was where the twin is now, within a second.
	Lag          time.Duration `json:"lag"`
	Retained     int64         `json:"retained"` // bytes of log that production keeps for the twin
	Transactions int64         `json:"transactions"`
	Changes      int64         `json:"changes"`
	Reconnects   int           `json:"reconnects"`
	Trouble      string        `json:"trouble,omitempty"` // why it is connecting again
}

// New describes a follower of a copy that was Prepared and Joined. It starts nothing.
func New(spec Spec) (*Follower, error) {
	spec, err := spec.complete()
	if err != nil {
		return nil, err
	}
	return &Follower{spec: spec, gate: newGate(), status: Status{State: StateStopped}}, nil
}

// patience is how long Run tries to connect for the first time: a session of one that was
// killed may not have ended yet.
const patience = 15 * time.Second

// Run follows until ctx ends, which is no error, and can be called again then. It connects
// again after every cut; only in its first seconds an unreachable end is an error.
//
// When the twin cannot go on (a row does not fit; production has to keep too much log), the
// slot is dropped and the error says so: a fresh copy has to be made. After any other error
// the slot stays, and production keeps its log: also when production's schema changed, a
// [Drift], as [Renew] needs the log for the tables that did not.
func (f *Follower) Run(ctx context.Context) error {
	if !f.running.CompareAndSwap(false, true) {
		return understudy.Errorf(understudy.KindConflict, "follower %s is running already", f.spec.Name)
	}
	defer f.running.Store(false)
	defer f.note(StateStopped)
	both, working := errgroup.WithContext(ctx)
	both.Go(func() error { return f.watch(working) })
	both.Go(func() error { return f.sessions(working) })
	err := both.Wait()
	if final := (finalError{}); errors.As(err, &final) {
		if errors.As(err, new(*Drift)) {
			return final.err
		}
		return f.giveUp(ctx, final.err)
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// giveUp frees production's log.
func (f *Follower) giveUp(ctx context.Context, why error) error {
	if err := dropSlot(ctx, f.spec); err != nil && understudy.KindOf(err) != understudy.KindNotFound {
		return errors.Join(why, understudy.Errorf(understudy.KindUnavailable, "slot %s could not be dropped, and production keeps its log for it: %w", f.spec.slot(), err).
			WithHint("on production: SELECT pg_drop_replication_slot('%s');", f.spec.slot()))
	}
	return why
}

// sessions runs one session after another.
func (f *Follower) sessions(ctx context.Context) error {
	began, failures := time.Now(), 0
	f.mu.Lock()
	f.status.Reconnects, f.expected = 0, nil
	f.mu.Unlock()
	for everConnected := false; ; {
		err := f.follow(ctx)
		everConnected = everConnected || f.wasConnected()
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case understudy.KindOf(err) != understudy.KindUnavailable, !everConnected && time.Since(began) > patience:
			return err
		}
		if f.wasConnected() {
			failures = 0
		}
		f.trouble(err)
		failures++
		select {
		case <-ctx.Done():
		case <-time.After(min(50*time.Millisecond<<min(failures, 10), 5*time.Second)):
		}
	}
}

// Pause waits until the twin stands at a commit of production and no session of the
// follower is on its database, and keeps it so until Resume: a clone taken meanwhile is of
// one moment of production. Pauses add up. When ctx ends before, nothing is paused.
// Production keeps its log meanwhile.
func (f *Follower) Pause(ctx context.Context) error {
	if err := f.gate.pause(ctx); err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "waiting for the twin to come to a commit of production: %w", err)
	}
	return nil
}

// Resume takes one Pause back.
func (f *Follower) Resume() { f.gate.resume() }
