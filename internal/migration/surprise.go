package migration

import (
	"fmt"
	"strings"
	"time"

	"understudy"
)

// Sight is one look at a migration that runs in production.
type Sight struct {
	Statement string // that it runs, without literals; empty: none is seen
	Locks     []SeenLock
	Waits     []understudy.ObservedWait // of others, for the migration or in the queue behind it
}

// SeenLock is a lock that the migration holds or waits for on what was there before it.
type SeenLock struct {
	Database string // empty: the first
	Relation string
	Kind     string
	Of       string // the table of an index, the partitioned table of a partition
	Mode     string
	Waiting  bool
}

// named is how findings and expectations call the relation.
func (l SeenLock) named() string { return understudy.InDatabase(l.Database, l.Relation) }

func (l SeenLock) of() string {
	if l.Of == "" {
		return ""
	}
	return understudy.InDatabase(l.Database, l.Of)
}

// Rules are what a migration of production is held against.
type Rules struct {
	Expected   *understudy.Expectation // nil: it is not known what was rehearsed
	Elsewhere  []string                // further databases that are looked at
	BlockedFor time.Duration           // longest that others may wait for it
}

// Surprise is why a migration of production was stopped: the rehearsal did not account for
// what was seen.
type Surprise struct {
	Why       string
	Statement string // that was running
	Left      int    // sessions that could not be ended
}

func (s *Surprise) Error() string { return "it was stopped: " + s.Why }

// judge holds one look against what was rehearsed, and says what of it is a surprise.
// Yield tells that the run need only step back and try again: others wait in the queue behind
// a lock that it has not got either.
func (r Rules) judge(seen Sight, running time.Duration) (why string, yield bool) {
	if e := r.Expected; e != nil {
		for _, l := range seen.Locks {
			if understudy.StrongLock(l.Mode) && e.Covers(l.Database) && e.Complete(l.Mode) && !e.Allows(l.named(), l.of(), l.Mode) {
				return fmt.Sprintf("it %s %s on %s, which the rehearsal did not see", takes(l), understudy.ModeWords(l.Mode), l.named()), false
			}
		}
		if limit := e.Limit(); running > limit {
			return fmt.Sprintf("it runs for longer than %s, and %s was expected %s", rounded(limit), understudy.Span(e.Low, e.High), asks(*e)), false
		}
	}
	for _, w := range seen.Waits {
		if w.For > r.BlockedFor && r.BlockedFor > 0 {
			return fmt.Sprintf("%s waits for more than %s for it%s", w.Who, rounded(r.BlockedFor), on(w.Relation)), w.Queued
		}
	}
	return "", false
}

func takes(l SeenLock) string {
	if l.Waiting {
		return "wants"
	}
	return "takes"
}

func asks(e understudy.Expectation) string {
	return strings.TrimPrefix(e.Range(), understudy.Span(e.Low, e.High)+" ")
}

func on(relation string) string {
	if relation == "" {
		return ""
	}
	return " on " + relation
}

// Unheld says what the rules cannot hold a migration against; empty: nothing.
func (r Rules) Unheld() string {
	e := r.Expected
	if e == nil {
		return "the verdict does not say which locks and what time to expect, so it is held against neither"
	}
	var unheld []string
	switch {
	case !e.Exact.Locks && !e.Exact.Exclusive:
		unheld = append(unheld, "the rehearsal saw locks by samples only, so one that it did not see is no surprise")
	case !e.Exact.Locks:
		unheld = append(unheld, "the rehearsal saw other locks than ACCESS EXCLUSIVE by samples only, so one of those that it did not see is no surprise")
	}
	for _, name := range r.Elsewhere {
		if !e.Covers(name) {
			unheld = append(unheld, "the verdict says nothing of locks in database "+name+", so none there is a surprise")
		}
	}
	return strings.Join(unheld, "; ")
}

// wanted are the locks to find a quiet moment for: the strongest of each table.
func (r Rules) wanted() map[string]string {
	wanted := map[string]string{}
	if r.Expected != nil {
		for _, l := range r.Expected.Locks {
			if !l.New && (l.Kind == "" || strings.HasSuffix(l.Kind, "table") || strings.HasSuffix(l.Kind, "view")) {
				wanted[l.Relation] = l.Mode
			}
		}
	}
	return wanted
}
