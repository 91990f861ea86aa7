package migration

import (
	"context"
	"strings"
	"sync"
	"time"

	"understudy"
)

// Target is a relation that the migration locks, and what that lock holds up.
type Target struct {
	Database string `json:"database,omitempty"` // empty: the first
	Relation string `json:"relation"`
	// Writes tells that the lock holds up writing only; else reading as well.
	Writes bool `json:"writes,omitempty"`
}

// Prober plays the sessions of an application on a bench. Its methods may be called from
// several goroutines.
type Prober interface {
	// Occupy begins transactions that have read from each target, or written to those that
	// hold up writing, as a long report or a long import would, and leaves them open. The
	// returned function ends them; it may be called more than once.
	Occupy(ctx context.Context, targets []Target) (leave func(), err error)
	// Ask reads from a target once, or begins to write to it, and changes nothing.
	Ask(ctx context.Context, target Target) error
	// Waits tells whether the migration waits for a lock at this moment.
	Waits(ctx context.Context) (bool, error)
}

// subject is how a finding calls the target.
func (t Target) subject() string { return understudy.InDatabase(t.Database, t.Relation) }

// Queued is what was seen while the migration waited behind a long transaction.
type Queued struct {
	Stood       []Stood       `json:"stood"`
	LockTimeout time.Duration `json:"lockTimeout"`
	Waited      time.Duration `json:"waited"` // longest that the migration waited without a break while it was held up
	Stayed      time.Duration `json:"stayed"` // from the first wait until the long transaction left; 0: nobody waited
	Tries       int           `json:"tries"`
	End         string        `json:"end"`
	OK          bool          `json:"ok"`
	GaveUp      bool          `json:"gaveUp,omitempty"` // it did not get its lock at any try
}

// Stood is how one target answered meanwhile.
type Stood struct {
	Target
	Asked   int           `json:"asked"`
	Late    int           `json:"late"`    // of these, answered later than noticed after they were due
	Longest time.Duration `json:"longest"` // from the moment it was due, while the long transaction was there
}

const (
	askEvery  = 50 * time.Millisecond
	lookEvery = 20 * time.Millisecond
	noticed   = 100 * time.Millisecond // what a machine may be late by itself
	quietFor  = 300 * time.Millisecond // of asking before the migration begins
	stayMost  = 10 * time.Second
	mostAsked = 8 // targets of one database
)

// Queue starts the command while a long transaction is open on the tables that it locks
// strongly, and asks each of them, at moments fixed beforehand, how long a simple request stands
// still behind the waiting lock. The long transaction leaves a little after twice the lock
// timeout, after 10 s at most, whatever happens.
func Queue(ctx context.Context, lab Lab, prober Prober, rate Rate) (Tried, error) {
	targets := Targets(lab.First.Observation)
	if len(targets) == 0 {
		return Tried{Summary: "no lock of it holds up readers or writers of what was there before"}, nil
	}
	if err := lab.Bench.Fresh(ctx); err != nil {
		return Tried{}, err
	}
	queued, err := lab.queue(ctx, prober, targets)
	if err != nil {
		return Tried{}, err
	}
	return judgeQueued(queued, lab.Budget, rate), nil
}

// Targets are the relations that were there before and that the migration locked so that
// readers or writers have to wait: the strongest lock of each, the longest held first, so many
// of each database.
func Targets(seen understudy.Observation) []Target {
	targets := targetsIn(seen, "")
	for _, there := range seen.Elsewhere {
		targets = append(targets, targetsIn(there, there.Database)...)
	}
	return targets
}

func targetsIn(seen understudy.Observation, database string) []Target {
	order := []string{}
	reads := map[string]bool{}
	for _, l := range seen.Locks {
		readers, writers := holdsUp(l.Mode)
		if l.New || !writers || !strings.HasSuffix(l.Kind, "table") && l.Kind != "materialized view" {
			continue
		}
		if _, known := reads[l.Relation]; !known {
			order = append(order, l.Relation)
		}
		reads[l.Relation] = reads[l.Relation] || readers
	}
	var targets []Target
	for _, name := range order[:min(len(order), mostAsked)] {
		targets = append(targets, Target{Database: database, Relation: name, Writes: !reads[name]})
	}
	return targets
}

// holdsUp tells whose requests a lock mode makes wait.
func holdsUp(mode string) (readers, writers bool) {
	switch mode {
	case "AccessExclusiveLock", "EXCLUSIVE":
		return true, true
	case "ExclusiveLock", "ShareRowExclusiveLock", "ShareLock", "SHARED_NO_READ_WRITE", "SHARED_NO_WRITE":
		return mode == "SHARED_NO_READ_WRITE", true
	}
	return false, false
}

// stay is how long the long transaction is there once the migration waits for it.
func (l Lab) stay() time.Duration {
	if l.Options.LockTimeout == 0 {
		return stayMost / 2
	}
	return min(2*l.Options.LockTimeout+500*time.Millisecond, stayMost)
}

func (l Lab) queue(ctx context.Context, prober Prober, targets []Target) (Queued, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	leave, err := prober.Occupy(ctx, targets)
	if err != nil {
		return Queued{}, err
	}
	defer leave()
	asking, stop := context.WithCancel(ctx)
	defer stop()
	asked := make([][]answer, len(targets))
	var work sync.WaitGroup
	for i, target := range targets {
		work.Go(func() { asked[i] = ask(asking, prober, target) })
	}
	watch := &queueWatch{lab: l, prober: prober, leave: leave}
	work.Go(func() {
		if err := watch.run(asking); err != nil {
			cancel(err)
		}
	})
	ran, err := l.startQueued(ctx)
	stop()
	work.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return Queued{}, cause
	}
	if err != nil {
		return Queued{}, err
	}
	return l.queued(ran, watch, targets, asked), nil
}

// startQueued runs the command once the targets have been asked for a while.
func (l Lab) startQueued(ctx context.Context) (Ran, error) {
	select {
	case <-time.After(quietFor):
	case <-ctx.Done():
		return Ran{}, context.Cause(ctx)
	}
	return l.runs(ctx, l.stay())
}

func (l Lab) queued(ran Ran, watch *queueWatch, targets []Target, asked [][]answer) Queued {
	out := Queued{
		LockTimeout: l.Options.LockTimeout, Waited: watch.longest, Tries: ran.Tries, End: endOf(ran), OK: ran.OK(),
		GaveUp: !ran.OK() && !ran.Hung && l.Options.LockTimedOut != nil && l.Options.LockTimedOut(ran.Output),
	}
	if !watch.first.IsZero() {
		out.Stayed = watch.left.Sub(watch.first)
	}
	for i, target := range targets {
		out.Stood = append(out.Stood, stood(target, asked[i], watch.left))
	}
	return out
}

// queueWatch looks whether the migration waits, and lets the long transaction leave in time.
type queueWatch struct {
	lab         Lab
	prober      Prober
	leave       func()
	first, left time.Time     // when it first waited; when the long transaction left
	longest     time.Duration // of waiting without a break before that
}

// run looks until ctx ends. A migration that never waits frees the targets as well.
func (w *queueWatch) run(ctx context.Context) error {
	deadline := time.Now().Add(w.lab.First.Took + quietFor + w.lab.stay())
	var since time.Time // of the present wait
	ticks := time.NewTicker(lookEvery)
	defer ticks.Stop()
	for {
		waits, err := w.prober.Waits(ctx)
		now := time.Now()
		switch {
		case ctx.Err() != nil:
			w.goes(now)
			return nil
		case err != nil:
			return err
		case !waits:
			since = time.Time{}
		case since.IsZero():
			since = now
		}
		if waits && w.first.IsZero() && w.left.IsZero() {
			w.first, deadline = now, now.Add(w.lab.stay())
		}
		if waits && w.left.IsZero() {
			w.longest = max(w.longest, now.Sub(since))
		}
		if now.After(deadline) {
			w.goes(now)
		}
		select {
		case <-ticks.C:
		case <-ctx.Done():
		}
	}
}

func (w *queueWatch) goes(now time.Time) {
	if w.left.IsZero() {
		w.left = now
		w.leave()
	}
}

// answer is one request: when it was due, and when it was answered.
type answer struct{ due, done time.Time }

// ask asks a target at fixed moments until ctx ends. One that comes late because the one
// before it was held up counts from its own moment: it would have been held up as well.
// A target that cannot be asked any more, as the migration took it away, is asked no more.
func ask(ctx context.Context, prober Prober, target Target) []answer {
	var all []answer
	for due := time.Now(); ; due = due.Add(askEvery) {
		select {
		case <-time.After(time.Until(due)):
		case <-ctx.Done():
			return all
		}
		err := prober.Ask(ctx, target)
		all = append(all, answer{due, time.Now()}) // also of one that is under way at the end: so long it stood still
		if err != nil || ctx.Err() != nil {
			return all
		}
	}
}

// stood is how long requests stood still that were due while the long transaction was
// there. What they waited after it left is the migration's own work, which was measured before.
func stood(target Target, asked []answer, left time.Time) Stood {
	out := Stood{Target: target}
	for _, a := range asked {
		if !a.due.Before(left) {
			continue
		}
		out.Asked++
		took := a.done.Sub(a.due)
		if a.done.After(left) {
			took = left.Sub(a.due)
		}
		if took > noticed {
			out.Late++
		}
		out.Longest = max(out.Longest, took)
	}
	return out
}
