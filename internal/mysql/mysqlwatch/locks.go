package mysqlwatch

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"understudy"
	"understudy/internal/mysql"
)

// hold is one lock of the migration on one table, from when it was got to when it was given
// up, as far as is known.
type hold struct {
	table, mode string
	thread      int64
	from, until time.Duration
	statement   *statement
	by          understudy.ObservedBy
}

// modes are the metadata locks of tables, the weakest first.
func modes() []string {
	return []string{
		"INTENTION_EXCLUSIVE", "SHARED", "SHARED_HIGH_PRIO", "SHARED_READ", "SHARED_WRITE", "SHARED_WRITE_LOW_PRIO",
		"SHARED_UPGRADABLE", "SHARED_READ_ONLY", "SHARED_NO_WRITE", "SHARED_NO_READ_WRITE", "EXCLUSIVE",
	}
}

// stops is what a metadata lock keeps others from.
func stops(mode string) understudy.Stops {
	switch mode {
	case "EXCLUSIVE", "SHARED_NO_READ_WRITE":
		return understudy.StopsAll
	case "SHARED_NO_WRITE", "SHARED_READ_ONLY":
		return understudy.StopsWrites
	case "INTENTION_EXCLUSIVE":
		return understudy.StopsNothing
	}
	return understudy.StopsDefinitions
}

// holds are all locks of the migration: those that were looked at, and those that its
// statements cannot have been without.
func (r *record) holds() []hold {
	var all []hold
	for _, s := range r.over {
		if !s.wanted && r.mine(s.thread) {
			all = append(all, hold{s.table, s.mode, s.thread, s.from, s.until, r.runningIn(s), understudy.BySamples})
		}
	}
	for _, s := range r.statements {
		if r.mine(s.thread) {
			all = append(all, r.implied(s)...)
		}
	}
	return joined(all)
}

// implied are the locks that a statement had by what it did: tables that it opened were
// locked until its transaction ended, the table that it altered against everything.
func (r *record) implied(s *statement) []hold {
	var all []hold
	for i, u := range r.usesOf(s) {
		if s.changesDefinitions() && i == 0 {
			all = append(all, r.altering(s, u.table)...)
			continue
		}
		mode, until := "SHARED_READ", s.until
		if u.write {
			mode = "SHARED_WRITE"
		}
		if t, found := r.transactionAt(s.thread, u.from); found {
			until = max(until, t.until)
		}
		if s.name == "lock_tables" {
			mode, until = map[bool]string{false: "SHARED_READ_ONLY", true: "SHARED_NO_READ_WRITE"}[u.write], r.unlocked(s)
		}
		all = append(all, hold{u.table, mode, s.thread, u.from, until, s, understudy.ByLog})
	}
	return all
}

// unlocked is when the tables that a LOCK TABLES locked were given up.
func (r *record) unlocked(s *statement) time.Duration {
	for _, next := range r.statements {
		if next.thread == s.thread && next.id > s.id && slices.Contains([]string{"unlock_tables", "lock_tables", "begin", "com/Quit"}, next.name) {
			return next.until
		}
	}
	return r.last
}

// altering are the locks of a statement on the table that it altered. metadata_locks goes
// on to show the mode that a lock was first got in, SHARED_UPGRADABLE, when it has become a
// stronger one; what the statement went through tells.
func (r *record) altering(s *statement, table string) []hold {
	var all []hold
	if from, until, stopped := r.withoutWriters(s); stopped {
		all = append(all, hold{table, "SHARED_NO_WRITE", s.thread, from, until, s, understudy.ByLog})
	}
	if from, until, reached := r.exclusive(s); reached {
		all = append(all, hold{table, "EXCLUSIVE", s.thread, from, until, s, understudy.ByLog})
	}
	return all
}

// withoutWriters is the span in which an ALTER let nobody write: while it copied the table,
// or built it or an index in place without a log of what others write meanwhile, which
// there always is when they may.
func (r *record) withoutWriters(s *statement) (from, until time.Duration, stopped bool) {
	until = s.until
	built, logged := false, false
	for _, st := range r.stagesOf(s) {
		switch name := st.name; {
		case name == "stage/sql/copy to tmp table" && !r.copiesOnline:
			from, stopped = st.from, true
		case name == "stage/sql/altering table" && !stopped:
			from = st.from
		case name == "stage/sql/committing alter table to storage engine" && until == s.until, name == "stage/sql/rename result table":
			until = st.from
		case strings.HasPrefix(name, "stage/innodb/alter table"):
			built, logged = true, logged || strings.Contains(name, "log apply")
		}
	}
	return from, until, stopped || built && !logged && !s.failed
}

// exclusive is the longest span in which an ALTER held its table against everything: while
// it was prepared, and from its commit to its end. One that failed before was not there.
func (r *record) exclusive(s *statement) (from, until time.Duration, reached bool) {
	add := func(a, b time.Duration) {
		if !reached || b-a > until-from {
			from, until, reached = a, b, true
		}
	}
	for _, st := range r.stagesOf(s) {
		switch st.name {
		case "stage/sql/preparing for alter table":
			add(st.from, st.until)
		case "stage/sql/committing alter table to storage engine", "stage/sql/rename result table":
			if !s.failed {
				add(st.from, s.until)
			}
		}
	}
	if !reached && !s.failed {
		add(s.until, s.until)
	}
	return from, until, reached
}

// joined makes one of spans of the same lock that touch.
func joined(all []hold) []hold {
	slices.SortFunc(all, func(a, b hold) int {
		return cmp.Or(cmp.Compare(a.thread, b.thread), cmp.Compare(a.table, b.table), cmp.Compare(a.mode, b.mode), cmp.Compare(a.from, b.from))
	})
	var out []hold
	for _, h := range all {
		if len(out) > 0 {
			last := &out[len(out)-1]
			if last.thread == h.thread && last.table == h.table && last.mode == h.mode && h.from <= last.until {
				if h.by == understudy.ByLog {
					last.by, last.statement = h.by, h.statement
				}
				last.until = max(last.until, h.until)
				continue
			}
		}
		out = append(out, h)
	}
	return out
}

// tellLocks puts the locks into the observation: those of one table, mode and statement as
// one.
func (t *telling) tellLocks() {
	type same struct{ table, mode, statement string }
	found := map[same]*understudy.ObservedLock{}
	for _, h := range t.holds {
		text := ""
		if h.statement != nil {
			text = h.statement.text
		}
		key := same{h.table, h.mode, text}
		l := found[key]
		if l == nil {
			l = t.lock(h.table, h.mode)
			l.Statement, l.Session = text, t.session(h.thread)
			found[key] = l
		}
		l.Times++
		if held := h.until - h.from; l.Times == 1 || held > l.Held {
			l.From, l.Held = max(h.from, 0), held
			l.HeldMost, l.Aborted = t.most(h)
		}
		if !slices.Contains(l.SeenBy, h.by) {
			l.SeenBy = append(l.SeenBy, h.by)
		}
	}
	for _, l := range found {
		t.seen.Locks = append(t.seen.Locks, *l)
	}
	t.tellWaited()
	slices.SortFunc(t.seen.Locks, func(a, b understudy.ObservedLock) int {
		return cmp.Or(cmp.Compare(slices.Index(modes(), b.Mode), slices.Index(modes(), a.Mode)), cmp.Compare(b.Held, a.Held), cmp.Compare(a.Relation, b.Relation), cmp.Compare(a.From, b.From))
	})
}

func (t *telling) lock(name, mode string) *understudy.ObservedLock {
	l := &understudy.ObservedLock{Relation: mysql.TableName(name), Kind: "table", Mode: mode, Stops: stops(mode)}
	if was := t.before.tables[name]; was != nil {
		l.Kind = was.kind
	} else {
		l.New = true
	}
	return l
}

// most is how long a lock was held at most: as long as its statement or its transaction,
// and whether that was rolled back.
func (t *telling) most(h hold) (most time.Duration, aborted bool) {
	if h.statement != nil {
		most = h.statement.until - h.statement.from
		aborted = h.statement.failed && h.statement.changesDefinitions()
	}
	if tx, found := t.transactionAt(h.thread, h.from); found {
		most, aborted = max(most, tx.until-tx.from), !tx.committed
	}
	return max(most, h.until-h.from), aborted
}

// tellWaited adds how long the migration itself waited, and behind whom.
func (t *telling) tellWaited() {
	for _, wait := range t.waits {
		if !t.mine(wait.thread) {
			continue
		}
		text, s := "", t.statementOf(wait.thread, wait.id)
		if s != nil {
			text = s.text
		}
		var strongest *understudy.ObservedLock
		for i := range t.seen.Locks {
			l := &t.seen.Locks[i]
			if l.Relation == mysql.TableName(wait.table) && l.Statement == text && (strongest == nil || slices.Index(modes(), l.Mode) > slices.Index(modes(), strongest.Mode)) {
				strongest = l
			}
		}
		if strongest == nil { // it was never got
			l := t.lock(wait.table, t.wantedMode(wait))
			l.Statement, l.Session, l.From, l.Aborted, l.SeenBy = text, t.session(wait.thread), wait.from, true, []understudy.ObservedBy{understudy.ByLog}
			t.seen.Locks = append(t.seen.Locks, *l)
			strongest = &t.seen.Locks[len(t.seen.Locks)-1]
		}
		strongest.Waited = max(strongest.Waited, wait.until-wait.from)
		strongest.Behind = cmp.Or(strongest.Behind, t.behind[wait.thread][wait.table])
	}
}

// wantedMode is the mode that a thread waited for: as it was looked at, else as its
// statement needs it.
func (r *record) wantedMode(wait tableWait) string {
	for _, s := range r.over {
		if s.wanted && s.thread == wait.thread && s.table == wait.table && s.from <= wait.until && wait.from <= s.until {
			return s.mode
		}
	}
	switch s := r.statementOf(wait.thread, wait.id); {
	case s == nil:
		return "metadata lock"
	case s.changesDefinitions():
		return "EXCLUSIVE"
	case s.writes() != "":
		return "SHARED_WRITE"
	case s.name == "select":
		return "SHARED_READ"
	}
	return "metadata lock"
}
