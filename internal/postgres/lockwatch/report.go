package lockwatch

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"understudy"
)

// report writes out in names what was seen.
func (v *view) report(ctx context.Context, seen *understudy.Observation, of names) error {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	for _, e := range v.ledger.aborted {
		if v.ledger.mine[e.transaction] || !v.ledger.others[e.transaction] {
			for _, relation := range e.locks {
				v.tally.rolledBack(relation)
			}
		}
	}
	v.strays(seen, of)
	v.log.report(seen, v.tally, of)
	v.tally.reportLocks(seen, of)
	v.tally.reportStatements(seen)
	if v.spec.Gate {
		seen.OwnLogBytes = v.ledger.bytes
	} else {
		seen.Notes = append(seen.Notes, "locks were sampled, and the write-ahead log was not read: the server is run by others")
	}
	return v.changes(ctx, seen, of)
}

// strays tells of transactions that committed without asking for the gate, and had locked
// something against everything: of sessions of the migration that have dropped the options of
// their address, or of others.
func (v *view) strays(seen *understudy.Observation, of names) {
	for _, e := range v.ledger.strays {
		var locked []string
		for _, relation := range e.locks {
			if r, existed, _ := of.find(relation); existed {
				locked = append(locked, r.String())
				v.tally.strayed(relation)
			}
		}
		if len(locked) == 0 {
			continue
		}
		slices.Sort(locked)
		seen.Exact.Locks, seen.Exact.Writes = false, false
		whose := "a session that is not known as the migration's"
		if v.ledger.mine[e.transaction] {
			whose = "a session of the migration that does not use the options of its address"
		}
		seen.Notes = append(seen.Notes, fmt.Sprintf("not every commit was held: %s locked %s against everything", whose, strings.Join(locked, ", ")))
	}
	seen.Notes = slices.Compact(seen.Notes)
}

// strayed adds a lock of a transaction that was not held at its end.
func (t *tally) strayed(relation uint32) {
	for id, l := range t.locks {
		if id.relation == relation && id.mode == exclusiveMode && id.session != 0 {
			l.Aborted = false
			if !slices.Contains(l.SeenBy, understudy.ByLog) {
				l.SeenBy = append([]understudy.ObservedBy{understudy.ByLog}, l.SeenBy...)
			}
			t.locks[id] = l
			return
		}
	}
	t.locks[lockID{relation: relation, mode: exclusiveMode}] = understudy.ObservedLock{Times: 1, SeenBy: []understudy.ObservedBy{understudy.ByLog}}
}

func (t *tally) reportLocks(seen *understudy.Observation, of names) {
	for id, l := range t.locks {
		r, existed, known := of.find(id.relation)
		if !known { // made and dropped again, or a temporary one: nobody else ever saw it
			continue
		}
		l.Relation, l.Kind, l.New, l.Mode = r.String(), r.kindWord(), !existed, id.mode
		l.Session, l.Statement, l.PartitionOf = id.session, id.statement, of.called(cmp.Or(r.parent, of.after.relations[id.relation].parent))
		seen.Locks = append(seen.Locks, l)
	}
	for _, w := range t.own {
		seen.Locks = addWaited(seen.Locks, w, t, of)
	}
	for i := range seen.Locks {
		seen.Locks[i].Stops = stops(seen.Locks[i].Mode)
	}
	slices.SortFunc(seen.Locks, func(a, b understudy.ObservedLock) int {
		return cmp.Or(cmp.Compare(understudy.LockStrength(b.Mode), understudy.LockStrength(a.Mode)), cmp.Compare(max(b.Held, b.HeldMost), max(a.Held, a.HeldMost)),
			cmp.Compare(a.Relation, b.Relation), cmp.Compare(a.Session, b.Session), cmp.Compare(a.Statement, b.Statement))
	})
}

// addWaited gives a lock the exact time that the migration waited for it, by the server's log.
func addWaited(locks []understudy.ObservedLock, w *loggedWait, t *tally, of names) []understudy.ObservedLock {
	relation, session := of.waitedFor(w.what, w.table), t.numbers[t.people[w.pid].leader]
	length := w.until.Sub(w.since)
	for i := range locks {
		l := &locks[i]
		if l.Relation != relation || l.Mode != w.mode || l.Session != session || w.statement != "" && l.Statement != w.statement {
			continue
		}
		if !slices.Contains(l.SeenBy, understudy.ByLog) {
			l.SeenBy = append(l.SeenBy, understudy.ByLog)
			slices.Sort(l.SeenBy)
			l.Waited = 0 // the log is exact
		}
		if length > l.Waited {
			l.Waited, l.Behind = length, cmp.Or(w.behind, l.Behind)
		}
		return locks
	}
	kind := of.kind(relation)
	if relation == "" { // no table: an older transaction, an advisory lock
		kind, _, _ = strings.Cut(strings.TrimPrefix(w.what.Text, "virtual "), " ")
	}
	return append(locks, understudy.ObservedLock{Relation: relation, Kind: kind, Mode: w.mode, Session: session, Statement: w.statement,
		From: max(w.since.Sub(t.start), 0), Waited: length, Behind: w.behind, SeenBy: []understudy.ObservedBy{understudy.ByLog}})
}

// waited keeps a wait of the migration itself.
func (t *tally) waited(w *loggedWait) { t.own = append(t.own, w) }

// fails marks the statement of a session during which the server gave an error.
func (t *tally) fails(leader int32, at time.Time) {
	for _, s := range slices.Backward(t.statements) {
		if s.pid == leader && !s.from.After(at.Add(time.Millisecond)) {
			s.Failed = true
			return
		}
	}
}

// writing is the session of the migration that a transaction was seen in.
func (t *tally) writing(transaction uint32) (int32, bool) {
	pid, known := t.writers[transaction]
	return pid, known && transaction != 0
}

func (t *tally) reportStatements(seen *understudy.Observation) {
	for _, s := range t.statements {
		s.From, s.Until = s.from.Sub(t.start), max(s.until.Sub(t.start), s.from.Sub(t.start))
		if s.Text != "" {
			seen.Statements = append(seen.Statements, s.ObservedStatement)
		}
	}
	slices.SortStableFunc(seen.Statements, func(a, b understudy.ObservedStatement) int { return cmp.Compare(a.From, b.From) })
}

// called is what a relation is named; empty if it has no name that anybody else knows.
func (n names) called(relation uint32) string {
	if r, _, known := n.find(relation); known {
		return r.String()
	}
	return ""
}

// kind is the word for what a relation is.
func (n names) kind(name string) string {
	for _, relations := range []map[uint32]relation{n.before.relations, n.after.relations} {
		for _, r := range relations {
			if r.String() == name {
				return r.kindWord()
			}
		}
	}
	return ""
}

// named finds a relation that the server names without its schema. Where several schemas
// have one, none is meant.
func (n names) named(name string) string {
	found := map[string]bool{}
	for _, r := range n.before.relations {
		if r.name == name {
			found[r.String()] = true
		}
	}
	if len(found) != 1 {
		return ""
	}
	return slices.Collect(maps.Keys(found))[0]
}
