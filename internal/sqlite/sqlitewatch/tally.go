package sqlitewatch

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"understudy"
)

// mainDatabase is what a lock is on: all of it.
const mainDatabase = "main"

// tally adds up what was seen of locks and sizes. It is pure.
type tally struct {
	own     int
	mine    func(process int) bool
	open    map[int]*spans
	over    []spans
	peak    int64
	log     int64
	last    time.Duration
	gap     time.Duration
	sizedAt time.Duration
}

// spans are those in which a process kept writers out, and, within, everybody: the longest.
type spans struct {
	process int
	written span
	locked  *span
	now     *span
}

type span struct{ from, until time.Duration }

func (s span) length() time.Duration { return s.until - s.from }

func newTally(own int, mine func(int) bool) tally {
	return tally{own: own, mine: mine, open: map[int]*spans{}}
}

func (t *tally) sized(bytes, log int64) { t.peak, t.log = max(t.peak, bytes), max(t.log, log) }

// add takes in what each process had at one look.
func (t *tally) add(at time.Duration, held map[int]level) {
	if t.last > 0 {
		t.gap = max(t.gap, at-t.last)
	}
	t.last = at
	for process, has := range held {
		if has < writes || process == t.own || !t.mine(process) {
			continue
		}
		s := t.open[process]
		if s == nil {
			s = &spans{process: process, written: span{at, at}}
			t.open[process] = s
		}
		s.written.until = at
		s.lock(at, has == exclusive)
	}
	for process, s := range t.open {
		if held[process] < writes {
			s.lock(at, false)
			t.over = append(t.over, *s)
			delete(t.open, process)
		}
	}
}

// lock takes in whether everybody is kept out now.
func (s *spans) lock(at time.Duration, is bool) {
	switch {
	case !is:
		s.now = nil
		return
	case s.now == nil:
		s.now = &span{at, at}
	}
	s.now.until = at
	if s.locked == nil || s.now.length() > s.locked.length() {
		s.locked = s.now
	}
}

// tell puts locks, and how long others could not get in, into an observation. changed tells
// that the schema was changed, which nobody does without the lock.
func (t *tally) tell(seen *understudy.Observation, changed, wal bool) {
	for process, s := range t.open {
		t.over = append(t.over, *s)
		delete(t.open, process)
	}
	slices.SortFunc(t.over, func(a, b spans) int { return cmp.Compare(a.written.from, b.written.from) })
	writing, everything := "RESERVED", "EXCLUSIVE"
	if wal {
		writing = "WRITE"
	}
	sessions := map[int]int{}
	for _, s := range t.over {
		if sessions[s.process] == 0 {
			sessions[s.process] = len(sessions) + 1
		}
		t.tellSpan(seen, sessions[s.process], writing, understudy.StopsWrites, s.written)
		if s.locked != nil {
			t.tellSpan(seen, sessions[s.process], everything, understudy.StopsAll, *s.locked)
		}
	}
	if changed && len(t.over) == 0 {
		seen.Locks = append(seen.Locks, understudy.ObservedLock{
			Relation: mainDatabase, Kind: "database", Mode: writing, Stops: understudy.StopsWrites, Times: 1, SeenBy: []understudy.ObservedBy{understudy.ByLog},
		})
		seen.Notes = append(seen.Notes, "the schema was changed under a lock that was too short to be looked at")
	}
	t.tellWaits(seen, writing, everything)
}

func (t *tally) tellSpan(seen *understudy.Observation, session int, mode string, stops understudy.Stops, s span) {
	seen.Locks = append(seen.Locks, understudy.ObservedLock{
		Relation: mainDatabase, Kind: "database", Mode: mode, Stops: stops, Session: session, From: s.from, Held: s.length(), HeldMost: s.length() + 2*t.gap, Times: 1,
		SeenBy: []understudy.ObservedBy{understudy.BySamples},
	})
}

// tellWaits says how long a writer, and a reader, that came when the lock was taken could
// not get in.
func (t *tally) tellWaits(seen *understudy.Observation, writing, everything string) {
	for _, kind := range []struct {
		who, mode string
		stops     understudy.Stops
	}{
		{"whoever wrote then", writing, understudy.StopsWrites},
		{"whoever read then", everything, understudy.StopsAll},
	} {
		w := understudy.ObservedWait{Who: kind.who, Relation: mainDatabase, Wanted: kind.mode, By: "the migration", SeenBy: []understudy.ObservedBy{understudy.BySamples}}
		for _, l := range seen.Locks {
			if l.Stops != kind.stops || l.Held == 0 {
				continue
			}
			w.Times, w.Total = w.Times+1, w.Total+l.Held
			if l.Held > w.For {
				w.From, w.For = l.From, l.Held
			}
		}
		if w.Times == 0 {
			continue
		}
		seen.Waits = append(seen.Waits, w)
		seen.Notes = append(seen.Notes, fmt.Sprintf("%s got in after %s at the latest if it set a busy_timeout of at least that; without one it got SQLITE_BUSY", w.Who, w.For.Round(time.Millisecond)))
	}
}
