package lockwatch

import (
	"cmp"
	"slices"
	"time"
)

// tally adds up what was seen. It is pure: it learns everything from the sights.
type tally struct {
	holding map[lockKey]span
	waiting map[lockKey]span
	blocked map[waitKey]wait

	locks map[lockID]Lock
	waits map[waitID]Blocked
	peak  int64
	gap   time.Duration
	last  time.Time
	sized time.Time
}

// lockKey is one holding of one lock, lockID all holdings that are reported as one.
type lockKey struct {
	lockID
	pid         int32
	transaction string
}

type lockID struct {
	relation uint32
	mode     string
}

// span is from the first to the last sight of something.
type span struct {
	first, last time.Time
	statement   string
}

// waitKey is one wait of one session, waitID all waits that are reported as one.
type waitKey struct {
	pid   int32
	since time.Time
}

type waitID struct {
	role, application, mode, statement, by string
	relation                               uint32
}

type wait struct {
	waitID
	last time.Time
}

func newTally(bytes int64) *tally {
	return &tally{
		holding: map[lockKey]span{}, waiting: map[lockKey]span{}, blocked: map[waitKey]wait{},
		locks: map[lockID]Lock{}, waits: map[waitID]Blocked{}, peak: bytes,
	}
}

func (t *tally) bytes(size int64) { t.peak = max(t.peak, size) }

func (t *tally) wantsSize(at time.Time) bool {
	if at.Sub(t.sized) < sizeEvery {
		return false
	}
	t.sized = at
	return true
}

// add takes in one look: what is seen again goes on, what is not seen any more has ended.
func (t *tally) add(seen sight) {
	if !t.last.IsZero() {
		t.gap = max(t.gap, seen.at.Sub(t.last))
	}
	t.last = seen.at
	for _, l := range seen.locks {
		t.addLock(seen, l)
	}
	for pid, s := range seen.sessions {
		if !s.migration && len(s.blockers) > 0 {
			t.addWait(seen, pid, s)
		}
	}
	t.carryOn(seen)
	t.close(seen.at)
}

// carryOn keeps a wait open whose session is just awake to look for deadlocks: it wants
// the same lock since the same moment, though it does not sleep for it now.
func (t *tally) carryOn(seen sight) {
	for key, w := range t.blocked {
		if since := seen.wanted(key.pid).since; !since.IsZero() && since.Equal(key.since) {
			w.last = seen.at
			t.blocked[key] = w
		}
	}
}

func (t *tally) addLock(seen sight, l lockSight) {
	holder := seen.sessions[l.pid]
	if !holder.migration || l.kind != "relation" || l.relation < firstUserOID {
		return
	}
	spans, since := t.holding, seen.at
	if !l.granted {
		spans = t.waiting
		if !l.since.IsZero() {
			since = l.since
		}
	}
	key := lockKey{lockID{l.relation, l.mode}, l.pid, l.transaction}
	s, known := spans[key]
	if !known {
		s = span{first: since, statement: holder.statement}
	}
	s.last = seen.at
	spans[key] = s
}

func (t *tally) addWait(seen sight, pid int32, s session) {
	by, queued := seen.behind(pid)
	if !queued {
		return
	}
	wanted := seen.wanted(pid)
	key := waitKey{pid, wanted.since}
	if wanted.since.IsZero() { // the server does not say since when: as long as it is the same session that waits
		for known := range t.blocked {
			if known.pid == pid {
				key = known
			}
		}
		if key.since.IsZero() {
			key.since = seen.at
		}
	}
	w, known := t.blocked[key]
	if !known {
		w = wait{waitID: waitID{
			role: s.role, application: s.application, relation: wanted.relation, mode: wanted.mode,
			statement: withoutLiterals(s.statement), by: withoutLiterals(seen.sessions[by].statement),
		}}
	}
	w.last = seen.at
	t.blocked[key] = w
}

// behind finds a session of the migration that pid waits for: directly, or in the queue
// of somebody who waits for it.
func (s sight) behind(pid int32) (by int32, queued bool) {
	reached := map[int32]bool{pid: true}
	for line := s.sessions[pid].blockers; len(line) > 0; line = line[1:] {
		next := line[0]
		if reached[next] {
			continue
		}
		reached[next] = true
		if s.sessions[next].migration {
			return next, true
		}
		line = append(line, s.sessions[next].blockers...)
	}
	return 0, false
}

// wanted is the lock that a session waits for. Who waits for a row waits for the
// transaction that changed it; the place in the row's queue tells the table.
func (s sight) wanted(pid int32) lockSight {
	var found lockSight
	for _, l := range s.locks {
		if l.pid != pid {
			continue
		}
		switch {
		case !l.granted && l.kind == "relation":
			return l
		case !l.granted && (l.kind == "transactionid" || l.kind == "tuple"):
			found.mode, found.since = "row", l.since
			found.relation = max(found.relation, l.relation)
		case !l.granted:
			found.mode, found.since, found.relation = l.mode, l.since, l.relation
		case l.kind == "tuple":
			found.relation = l.relation
		}
	}
	return found
}

// close folds what was not seen at the given moment into the figures.
func (t *tally) close(at time.Time) {
	fold := func(spans map[lockKey]span, add func(*Lock, time.Duration)) {
		for key, s := range spans {
			if s.last.Equal(at) {
				continue
			}
			l := t.locks[key.lockID]
			length := s.last.Sub(s.first)
			if length >= max(l.Held, l.Waited) {
				l.Statement = s.statement
			}
			add(&l, length)
			t.locks[key.lockID] = l
			delete(spans, key)
		}
	}
	fold(t.holding, func(l *Lock, d time.Duration) { l.Held, l.Times = max(l.Held, d), l.Times+1 })
	fold(t.waiting, func(l *Lock, d time.Duration) { l.Waited = max(l.Waited, d) })
	for key, w := range t.blocked {
		if w.last.Equal(at) {
			continue
		}
		length := max(w.last.Sub(key.since), 0)
		b := t.waits[w.waitID]
		b.Times, b.Total, b.Longest = b.Times+1, b.Total+length, max(b.Longest, length)
		t.waits[w.waitID] = b
		delete(t.blocked, key)
	}
}

// report ends the tally and writes it out in names.
func (t *tally) report(seen *Observation, of names) {
	t.close(time.Time{})
	seen.BytesPeak, seen.Gap = t.peak, t.gap
	for id, l := range t.locks {
		r, existed, known := of.find(id.relation)
		if !known { // made and dropped again, or a temporary one: nobody else ever saw it
			continue
		}
		l.Relation, l.Kind, l.New, l.Mode = r.String(), r.kindWord(), !existed, id.mode
		l.Statement = withoutLiterals(l.Statement)
		seen.Locks = append(seen.Locks, l)
	}
	slices.SortFunc(seen.Locks, func(a, b Lock) int {
		return cmp.Or(cmp.Compare(strength(b.Mode), strength(a.Mode)), cmp.Compare(b.Held, a.Held), cmp.Compare(a.Relation, b.Relation))
	})
	for id, b := range t.waits {
		b.Role, b.Application, b.Mode, b.Statement, b.By = id.role, id.application, id.mode, id.statement, id.by
		if r, _, known := of.find(id.relation); known {
			b.Relation = r.String()
		}
		seen.Blocked = append(seen.Blocked, b)
	}
	slices.SortFunc(seen.Blocked, func(a, b Blocked) int {
		return cmp.Or(cmp.Compare(b.Longest, a.Longest), cmp.Compare(a.Relation, b.Relation), cmp.Compare(a.Statement, b.Statement))
	})
}

// strength orders the modes of table locks, the weakest first.
func strength(mode string) int {
	return slices.Index([]string{"AccessShareLock", "RowShareLock", "RowExclusiveLock", "ShareUpdateExclusiveLock",
		"ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock"}, mode)
}
