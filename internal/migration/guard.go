package migration

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"understudy"
)

// Lookout looks at the databases of production while the migration runs there. It is used by
// one goroutine at a time.
type Lookout interface {
	Look(ctx context.Context) (Sight, error)
	// Busy tells who stands in the way of locks, by relation, as expectations call it, and mode.
	Busy(ctx context.Context, wanted map[string]string) (Busy, error)
	// End ends what is left of the migration's sessions, and says how many it could not end.
	End(ctx context.Context) (left int, err error)
}

// Guard is the commander and the watcher of a migration in production: it waits for a quiet
// moment before each try, looks while the command runs, and ends it at the first surprise.
// RunMigration then answers with a *Surprise.
type Guard struct {
	Commander Commander
	Lookout   Lookout
	Rules     Rules
	Patience  time.Duration // longest wait for a quiet moment, before each try
	Tell      func(text string)

	mu   sync.Mutex
	seen map[SeenLock]bool
	note string // why it could not look, the last time
}

// every is the time between two looks at production.
const every = 20 * time.Millisecond

// Watch begins to collect what is seen. Nothing is exact: production is looked at by samples.
func (g *Guard) Watch(context.Context) (func(context.Context) (understudy.Observation, error), error) {
	g.seen = map[SeenLock]bool{}
	return func(context.Context) (understudy.Observation, error) {
		g.mu.Lock()
		defer g.mu.Unlock()
		out := understudy.Observation{Every: every}
		for l := range g.seen {
			out.Locks = append(out.Locks, understudy.ObservedLock{Relation: l.named(), Kind: l.Kind, Mode: l.Mode, SeenBy: []understudy.ObservedBy{understudy.BySamples}})
		}
		if g.note != "" {
			out.Notes = append(out.Notes, g.note)
		}
		return out, nil
	}, nil
}

// RunMigration runs the command once under guard.
func (g *Guard) RunMigration(ctx context.Context, command Command) (Result, error) {
	running, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	over := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() { g.watch(ctx, over, stop) })
	result, err := g.Commander.RunMigration(running, command)
	close(over)
	watching.Wait()
	var surprise *Surprise
	var yielded yield
	switch why := context.Cause(running); {
	case ctx.Err() != nil: // it was told to stop; the server is not
		g.end(ctx)
	case errors.As(why, &surprise):
		surprise.Left = g.end(ctx)
		return result, surprise
	case errors.As(why, &yielded) && (err != nil || result.Status != 0):
		g.end(ctx)
		g.Tell("the try was ended: " + yielded.why)
		return Result{Status: -1, Output: yielded.why, Yielded: true}, nil
	}
	return result, err
}

// yield is why a try steps back.
type yield struct{ why string }

func (y yield) Error() string { return y.why }

// watch looks until the command is over or must be stopped.
func (g *Guard) watch(ctx context.Context, over <-chan struct{}, stop context.CancelCauseFunc) {
	began := time.Now()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-over:
			return
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if ended(over) { // while the last look took its time
			return
		}
		running := time.Since(began) // before the look, for the same reason
		seen, err := g.Lookout.Look(ctx)
		g.remember(seen, err)
		why, yields := g.Rules.judge(seen, running) // of nothing seen the time is still judged
		switch {
		case why == "":
			continue
		case yields:
			stop(yield{why + " while it waits for its own lock"})
		default:
			stop(&Surprise{Why: why, Statement: seen.Statement})
		}
		return
	}
}

func ended(over <-chan struct{}) bool {
	select {
	case <-over:
		return true
	default:
		return false
	}
}

func (g *Guard) remember(seen Sight, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err != nil {
		g.note = "for a time it could not be looked at: " + err.Error()
	}
	for _, l := range seen.Locks {
		if !l.Waiting && understudy.StrongLock(l.Mode) {
			g.seen[l] = true
		}
	}
}

// end ends the migration's sessions on the server, whose statements go on without a client.
func (g *Guard) end(ctx context.Context) int {
	left, err := g.Lookout.End(context.WithoutCancel(ctx))
	if err != nil {
		g.Tell("its sessions on the server could not all be ended: " + err.Error())
		left = max(left, 1)
	}
	return left
}

// Locks lists the strong locks on tables that were seen, by name.
func (g *Guard) Locks() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var out []string
	for l := range g.seen {
		if !strings.HasSuffix(l.Kind, "index") {
			out = append(out, fmt.Sprintf("%s (%s)", l.named(), understudy.ModeWords(l.Mode)))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
