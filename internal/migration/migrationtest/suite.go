package migrationtest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"understudy"
)

// claim is one promise about a watcher; one that needs an ability is made only of engines
// that have it.
type claim struct {
	name  string
	needs []Ability
	test  func(*testing.T, Subject)
}

// Run holds a watcher to every claim that its engine has the ability for, one after the
// other: a watch may change settings of the whole server.
func Run(t *testing.T, s Subject) {
	for _, c := range slices.Concat(locking(), changing(), ending()) {
		if !slices.ContainsFunc(c.needs, func(a Ability) bool { return !s.Engine.Has(a) }) {
			t.Run(c.name, func(t *testing.T) { c.test(t, s) })
		}
	}
}

// stage is one database with its sessions, while a claim is tested.
type stage struct {
	*testing.T
	Subject
	place     string
	migration Session
}

// set makes a database with table orders of so many rows, and a session of the migration.
func set(t *testing.T, s Subject, rows int) stage {
	t.Helper()
	st := stage{T: t, Subject: s, place: s.Acts.Empty(t)}
	owner := s.Acts.Session(t, st.place, false)
	st.run(owner, s.Dialect.Filled("orders", rows)...)
	st.migration = s.Acts.Session(t, st.place, true)
	return st
}

func (s stage) run(session Session, statements ...string) {
	s.Helper()
	for _, statement := range statements {
		if err := session.Exec(s.Context(), statement); err != nil {
			s.Errorf("%s: %v", statement, err)
		}
	}
}

// fails runs a statement that has to fail.
func (s stage) fails(session Session, statement string) {
	s.Helper()
	if session.Exec(s.Context(), statement) == nil {
		s.Errorf("%s: it did not fail", statement)
	}
}

// other is a session of the application.
func (s stage) other() Session {
	s.Helper()
	return s.Acts.Session(s.T, s.place, false)
}

// watching watches while act runs, and is what was seen.
func (s stage) watching(act func()) understudy.Observation {
	s.Helper()
	stop := s.Acts.Watch(s.T, s.place)
	act()
	return stop(s.T)
}

// begun runs act, and returns when it can be taken for waiting: it has not ended for a
// while. done waits for it, and is how long it took.
func (s stage) begun(act func()) (done func() time.Duration) {
	s.Helper()
	began, ended, took := time.Now(), make(chan struct{}), time.Duration(0)
	go func() {
		defer close(ended)
		act()
		took = time.Since(began)
	}()
	select {
	case <-ended:
		s.Error("it did not have to wait")
	case <-time.After(longEnough):
	}
	return func() time.Duration { <-ended; return took }
}

// longEnough is for how long a lock is held against somebody. On a busy machine they may come a
// good deal later than they are sent, and be looked at late: at least half of it is seen.
const longEnough = 800 * time.Millisecond

// locked are the locks on a table that stop at least so much.
func (s stage) locked(seen understudy.Observation, table string, least understudy.Stops) []understudy.ObservedLock {
	var found []understudy.ObservedLock
	for _, l := range seen.Locks {
		if l.Relation == s.Dialect.Locked(table) && weight(l.Stops) >= weight(least) {
			found = append(found, l)
		}
	}
	return found
}

func weight(s understudy.Stops) int {
	return slices.Index([]understudy.Stops{"", understudy.StopsNothing, understudy.StopsDefinitions, understudy.StopsWrites, understudy.StopsAll}, s)
}

func longest(locks []understudy.ObservedLock) understudy.ObservedLock {
	var most understudy.ObservedLock
	for _, l := range locks {
		if l.Held >= most.Held {
			most = l
		}
	}
	return most
}

// table is what became of a table; an empty change if nothing is told.
func (s stage) table(seen understudy.Observation, name string) understudy.TableChange {
	for _, c := range seen.Tables {
		if c.Relation == s.Dialect.Relation(name) {
			return c
		}
	}
	return understudy.TableChange{}
}

func columnOf(c understudy.TableChange, name string) (understudy.ColumnChange, bool) {
	for _, column := range c.Columns {
		if column.Name == name {
			return column, true
		}
	}
	return understudy.ColumnChange{}, false
}

func indexOf(seen understudy.Observation, name string) (understudy.IndexChange, bool) {
	for _, i := range seen.Indexes {
		if strings.HasSuffix(i.Name, "."+name) || i.Name == name {
			return i, true
		}
	}
	return understudy.IndexChange{}, false
}
