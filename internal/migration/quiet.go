package migration

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"understudy"
)

// Busy is what stands in the way of a migration's locks.
type Busy struct {
	Holders []Holder // of locks that conflict, the oldest first
	Active  int      // sessions at work
	Waiting int      // sessions that wait for a lock on one of the relations
}

// Holder is somebody whose transaction has a lock that conflicts.
type Holder struct {
	Who      string
	Relation string
	Mode     string
	Age      time.Duration
	Sure     bool // Age is the server's word; else only that it was seen for so long
}

// longTransaction is the age from which a transaction is taken to go on for longer than the
// lock may be waited for.
const longTransaction = time.Second

// Before waits, for Patience at most, until no long transaction holds what the migration
// will lock and nobody waits there. Then it begins, whatever it has seen: the lock timeout
// keeps others from standing behind it for long.
func (g *Guard) Before(ctx context.Context, try int) error {
	wanted := g.Rules.wanted()
	if len(wanted) == 0 {
		return nil
	}
	began, told := time.Now(), false
	for {
		busy, err := g.Lookout.Busy(ctx, wanted)
		if err != nil {
			g.Tell("it could not be seen whether the moment is quiet: " + err.Error())
			return ctx.Err()
		}
		waited := time.Since(began)
		why, doubtful := inTheWay(busy)
		switch {
		case why == "" && (!doubtful || waited > longTransaction):
			if told {
				g.Tell(fmt.Sprintf("quiet after %s: %d sessions at work", rounded(waited), busy.Active))
			}
			return nil
		case waited >= g.Patience:
			g.Tell(fmt.Sprintf("it is not quiet after %s (%s); try %d begins all the same, its lock timeout holds", rounded(waited), why, try))
			return nil
		case why != "" && !told:
			told = true
			g.Tell(fmt.Sprintf("try %d waits for a quiet moment, %s at most: %s", try, rounded(g.Patience), why))
		}
		select {
		case <-time.After(100*time.Millisecond + rand.N(100*time.Millisecond)):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// inTheWay says what is not quiet. It is doubtful where somebody's transaction may be old
// and was not seen for long enough to tell.
func inTheWay(busy Busy) (why string, doubtful bool) {
	old := slices.IndexFunc(busy.Holders, func(h Holder) bool { return h.Age >= longTransaction })
	switch {
	case old >= 0:
		h := busy.Holders[old]
		return fmt.Sprintf("%s has held %s (%s) in a transaction for %s", h.Who, h.Relation, understudy.ModeWords(h.Mode), rounded(h.Age)), false
	case busy.Waiting > 0:
		return fmt.Sprintf("%d sessions wait for locks there already", busy.Waiting), false
	}
	return "", slices.ContainsFunc(busy.Holders, func(h Holder) bool { return !h.Sure })
}
