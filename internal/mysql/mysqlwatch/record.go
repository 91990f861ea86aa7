package mysqlwatch

import (
	"cmp"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// record is everything that was seen, in the server's own figures. Moments are on the
// server's clock, counted from the beginning of the watch.
type record struct {
	threads      map[int64]*thread
	statements   []*statement
	uses         []use
	waits        []tableWait
	stages       []stage
	transactions []transaction
	held, wanted map[sightKey]*span
	over         []sighting // of held and wanted, that are over
	rows         map[rowKey]*span
	rowsOver     []rowWait
	behind       map[int64]map[string]string // who held a table that one of the migration's threads wanted

	rings []*ring
	zero  int64 // the beginning of the watch on the server's clock, in picoseconds

	peak         int64
	gap          time.Duration
	last         time.Duration
	sizeNext     time.Duration
	threadsNext  time.Duration
	rowsLooked   time.Duration
	looks        atomic.Int64
	copiesOnline bool // the server lets others write while it copies a table: MariaDB from 11.2 on
	lost         bool // a ring was overwritten before it was read
	owners       bool // every thread of the migration is known
	notes        []string
	process      map[int64]*statement // without performance_schema: what each process is running
}

func newRecord() *record {
	return &record{
		threads: map[int64]*thread{}, held: map[sightKey]*span{}, wanted: map[sightKey]*span{}, rows: map[rowKey]*span{},
		behind: map[int64]map[string]string{}, process: map[int64]*statement{},
	}
}

func (r *record) note(sentence string) {
	if !slices.Contains(r.notes, sentence) {
		r.notes = append(r.notes, sentence)
	}
}

// thread is one session, by the server's number of its thread.
type thread struct {
	id      int64
	process int64 // as SHOW PROCESSLIST numbers it
	who     string
	user    string
	mine    bool // of the migration
	before  bool // it was there when the watch began
	own     bool // ours
}

// statement is one that ended. Its events are those numbered from id to last.
type statement struct {
	thread, id, last int64
	name             string // "alter_table", "update"
	from, until      time.Duration
	text             string
	rows             int64
	failed           bool
	number           string // of its error
	message          string
}

// changesDefinitions tells of a statement that changes what a database consists of, and so
// ends with a lock against everything.
func (s *statement) changesDefinitions() bool {
	return slices.Contains([]string{
		"alter_table", "create_index", "drop_index", "drop_table", "rename_table", "truncate", "create_trigger", "drop_trigger",
		"optimize", "repair", "alter_tablespace",
	}, s.name)
}

// commits tells of a statement with which the server commits, as it changes a definition.
func (s *statement) commits() bool {
	return slices.ContainsFunc([]string{"create_", "drop_", "alter_", "rename_", "truncate"}, func(verb string) bool { return strings.HasPrefix(s.name, verb) })
}

// writes tells what a statement does to rows: "insert", "update" or "delete".
func (s *statement) writes() string {
	switch s.name {
	case "insert", "insert_select", "replace", "replace_select", "load", "create_table":
		return "insert"
	case "update", "update_multi":
		return "update"
	case "delete", "delete_multi":
		return "delete"
	}
	return ""
}

// use is that a statement opened a table, to write or to read.
type use struct {
	thread, id int64
	table      string
	write      bool
	from       time.Duration
}

// tableWait is that a thread waited for a table's metadata lock.
type tableWait struct {
	thread, id  int64
	table       string
	from, until time.Duration
}

type stage struct {
	thread, id  int64
	name        string
	from, until time.Duration
}

type transaction struct {
	thread      int64
	from, until time.Duration
	committed   bool
}

// sightKey is one lock of one thread; owner is the number of the event that took it.
type sightKey struct {
	thread, owner int64
	table, mode   string
}

// sighting is a lock that was looked at: from its first to its last sight.
type sighting struct {
	sightKey
	span
	wanted bool
}

type span struct {
	from, until time.Duration // when the first and the last look that saw it began
	looked      time.Duration // when that last look had ended
	statement   *statement    // without performance_schema: what was running
}

type rowKey struct {
	waiter, blocker int64 // threads
	table           string
}

type rowWait struct {
	rowKey
	span
}

// seen takes in what was there at one look; what is not there any more is over.
func seen[K comparable](open map[K]*span, now map[K]*statement, at, looked time.Duration, ended func(K, span)) {
	for key, running := range now {
		s, known := open[key]
		if !known {
			s = &span{from: at, statement: running}
			open[key] = s
		}
		s.until, s.looked = at, looked
	}
	for key, s := range open {
		if _, there := now[key]; !there {
			ended(key, *s)
			delete(open, key)
		}
	}
}

// close ends everything that was still there at the last look.
func (r *record) close() {
	none := map[sightKey]*statement{}
	seen(r.held, none, r.last, r.last, r.ended(false))
	seen(r.wanted, none, r.last, r.last, r.ended(true))
	seen(r.rows, map[rowKey]*statement{}, r.last, r.last, r.rowEnded)
	byStart := func(a, b *statement) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.id, b.id)) }
	slices.SortFunc(r.statements, byStart)
	slices.SortFunc(r.uses, func(a, b use) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.id, b.id)) })
}

func (r *record) ended(wanted bool) func(sightKey, span) {
	return func(key sightKey, s span) { r.over = append(r.over, sighting{key, s, wanted}) }
}

func (r *record) rowEnded(key rowKey, s span) { r.rowsOver = append(r.rowsOver, rowWait{key, s}) }

func (r *record) mine(thread int64) bool {
	t, known := r.threads[thread]
	return known && t.mine
}

// who is a session as findings name it: user and program.
func (r *record) who(thread int64) string {
	if t, known := r.threads[thread]; known {
		return t.who
	}
	return "a session that was gone at once"
}

// statementOf is the one that an event of a thread belongs to.
func (r *record) statementOf(thread, event int64) *statement {
	for _, s := range r.statements {
		if s.thread == thread && s.id <= event && event <= s.last {
			return s
		}
	}
	return nil
}

// statementAt is the one that a thread was running at a moment, or, between two, the one
// before.
func (r *record) statementAt(thread int64, at time.Duration) *statement {
	var last *statement
	for _, s := range r.statements {
		if s.thread == thread && s.from <= at {
			last = s
		}
	}
	return last
}

// runningIn is the statement that a thread was running when it was looked at. A look takes a
// while, in which one statement may end and the next begin: then a lock against everything
// is that one's which changes definitions, and any other lock that one's which had not ended
// before.
func (r *record) runningIn(s sighting) *statement {
	first, last := r.statementAt(s.thread, s.until), r.statementAt(s.thread, s.looked)
	switch {
	case first == nil || first.until < s.until:
		return last
	case s.mode == "EXCLUSIVE" && !first.changesDefinitions() && last.changesDefinitions():
		return last
	}
	return first
}

// usesOf are the tables that a statement opened, its own first.
func (r *record) usesOf(s *statement) []use {
	var all []use
	for _, u := range r.uses {
		if u.thread == s.thread && s.id <= u.id && u.id <= s.last {
			all = append(all, u)
		}
	}
	return all
}

// stagesOf are the stages that a statement went through.
func (r *record) stagesOf(s *statement) []stage {
	var all []stage
	for _, st := range r.stages {
		if st.thread == s.thread && s.id <= st.id && st.id <= s.last {
			all = append(all, st)
		}
	}
	return all
}

// transactionAt is the one in which a thread was at a moment.
func (r *record) transactionAt(thread int64, at time.Duration) (transaction, bool) {
	for _, t := range r.transactions {
		if t.thread == thread && t.from <= at && at <= t.until {
			return t, true
		}
	}
	return transaction{}, false
}
