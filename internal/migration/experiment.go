package migration

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"understudy"
)

// Bench is a copy of the database that nobody else uses, to try a migration on in ways that
// production would not forgive.
type Bench interface {
	// Fresh makes the copy anew, as it is before the migration. Whatever was there is gone.
	Fresh(ctx context.Context) error
	// Schema is the copy's schema as it is now, in a form that Compare understands.
	Schema(ctx context.Context) (json.RawMessage, error)
	// Compare says in words how a schema differs from an earlier one. An index that cannot
	// be used differs from one that can; the order of columns is no difference.
	Compare(before, after json.RawMessage) ([]string, error)
	// Still returns once the migration has no session on the copy any more. Those that are
	// there after patience are ended; it says how many.
	Still(ctx context.Context, patience time.Duration) (ended int, err error)
	// Status is what the team's own status command says of the copy; empty: not known.
	Status(ctx context.Context) string
}

// Lab is everything that an experiment needs. The same Lab may be used for several, one after
// the other: each begins with a fresh copy, and so may be repeated after a crash.
type Lab struct {
	Commander Commander
	Bench     Bench
	Options   Options         // as in production
	First     Ran             // the run under traffic that is taken as the measure
	Before    json.RawMessage // the schema of a fresh copy
	Want      json.RawMessage // the schema that the first run left
	Budget    Budget
	// Boots tells that the command is the start of a service: several may begin at once, and
	// whoever starts it again does so at once.
	Boots bool
	// Begins returns true once the migration runs a statement on the copy, in the words of an
	// observation, and false where nobody sees that; nil: nobody does.
	Begins func(ctx context.Context, statement string) (bool, error)
	// Calm tells what data undisturbed runs leave; nil: data is not compared, as the migration
	// was seen to write none.
	Calm *Undisturbed
}

// Tried is what an experiment came to.
type Tried struct {
	Findings []understudy.Finding
	Figures  []understudy.Figure
	Summary  string // half a sentence
	Seen     any    // all of it, as evidence
}

// runs runs the command on the bench, unwatched, as in production.
func (l Lab) runs(ctx context.Context, more time.Duration) (Ran, error) {
	return l.runsBy(ctx, l.Commander, more)
}

func (l Lab) runsBy(ctx context.Context, command Commander, more time.Duration) (Ran, error) {
	options := l.Options
	options.Timeout = l.patience(more)
	return Run(ctx, command, unwatched{}, options)
}

// patience is how long one try of a command may take before it counts as hung: several
// times what it took, and what else it may have to wait for.
func (l Lab) patience(more time.Duration) time.Duration {
	limit := l.Options.Timeout
	if limit == 0 {
		limit = understudy.DefaultMigrationTimeout
	}
	return min(limit, 3*l.First.Took+l.Options.LockTimeout+more+20*time.Second)
}

// differs compares what a run left with what an undisturbed one leaves.
func (l Lab) differs(ctx context.Context) ([]string, error) {
	left, err := l.Bench.Schema(ctx)
	if err != nil {
		return nil, err
	}
	return l.Bench.Compare(l.Want, left)
}

// unwatched is a watcher that looks at nothing.
type unwatched struct{}

func (unwatched) Watch(context.Context) (func(context.Context) (understudy.Observation, error), error) {
	return func(context.Context) (understudy.Observation, error) { return understudy.Observation{}, nil }, nil
}

// endOf is how a run ended, as half a sentence.
func endOf(ran Ran) string {
	switch {
	case ran.Hung:
		return fmt.Sprintf("did not end within %s", rounded(ran.Took))
	case !ran.OK():
		return fmt.Sprintf("ended with exit status %d at try %d: %s", ran.Status, ran.Tries, LastLines(ran.Output, 2))
	case ran.Tries > 1:
		return fmt.Sprintf("ran through in %s, at try %d", rounded(ran.Took), ran.Tries)
	}
	return fmt.Sprintf("ran through in %s", rounded(ran.Took))
}

// few names the first of many.
func few(all []string, n int) string {
	if len(all) <= n {
		return strings.Join(all, "; ")
	}
	return fmt.Sprintf("%s; and %d more", strings.Join(all[:n], "; "), len(all)-n)
}
