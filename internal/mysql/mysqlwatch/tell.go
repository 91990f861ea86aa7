package mysqlwatch

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"understudy"
)

// telling puts a record and two catalogues into the words of everybody. It is pure.
type telling struct {
	*record
	seen          *understudy.Observation
	before, after catalog
	holds         []hold
	sessions      map[int64]int
	exactWaits    bool
	exactWrites   bool
	changes       map[string]*understudy.TableChange
}

func tell(seen *understudy.Observation, r *record, before, after catalog) {
	r.close()
	history := len(r.rings) > 0 && !r.lost
	t := &telling{
		record: r, seen: seen, before: before, after: after, sessions: map[int64]int{}, exactWaits: len(r.rings) > 0, exactWrites: history && r.owners,
		changes: map[string]*understudy.TableChange{},
	}
	t.tellStatements()
	t.holds = t.record.holds()
	t.tellTables()
	t.tellIndexes()
	t.tellConstraints()
	t.tellObjects()
	t.holds = append(t.holds, t.taken()...)
	t.tellLocks()
	t.tellWaits()
	t.tellErrors()
	t.tellHalfDone()
	seen.Exact = understudy.Exactness{Exclusive: history && r.owners && t.everyChangeLocked(), Waits: history && r.owners && !t.waitedForRows(), Writes: t.exactWrites}
	if len(r.rings) > 0 {
		r.note("locks of tables that are weaker than EXCLUSIVE were looked for again and again: a short one may not have been seen")
	}
	seen.Notes = append(seen.Notes, r.notes...)
}

// session numbers the migration's threads from 1, as they come.
func (t *telling) session(thread int64) int {
	if t.sessions[thread] == 0 {
		t.sessions[thread] = len(t.sessions) + 1
	}
	return t.sessions[thread]
}

func (t *telling) tellStatements() {
	for _, s := range t.statements {
		if !t.mine(s.thread) || s.text == "" || s.until < 0 {
			continue
		}
		commits := !s.failed && s.commits()
		for _, tx := range t.transactions {
			if tx.thread == s.thread && tx.committed && s.from <= tx.until && tx.until <= s.until && t.wrote(tx) {
				commits = true
			}
		}
		t.seen.Statements = append(t.seen.Statements, understudy.ObservedStatement{
			Session: t.session(s.thread), Text: s.text, From: max(s.from, 0), Until: s.until, Commits: commits, Failed: s.failed,
		})
	}
}

// wrote tells whether a transaction had a statement that changed something.
func (t *telling) wrote(tx transaction) bool {
	return slices.ContainsFunc(t.statements, func(s *statement) bool {
		return s.thread == tx.thread && s.from <= tx.until && tx.from <= s.until && (s.rows > 0 && s.writes() != "" || s.changesDefinitions() && !s.failed)
	})
}

// everyChangeLocked tells whether for each statement that changed definitions the table is
// known that it had locked.
func (t *telling) everyChangeLocked() bool {
	for _, s := range t.statements {
		locked := slices.ContainsFunc(t.holds, func(h hold) bool { return h.statement == s && h.mode == "EXCLUSIVE" })
		if t.mine(s.thread) && s.changesDefinitions() && !locked && !s.failed {
			return false
		}
	}
	return true
}

// waitedForRows tells whether somebody waited for a row, which is only looked for.
func (t *telling) waitedForRows() bool { return len(t.rowsOver) > 0 }

// taken are locks of tables that are gone or have another name, where none was seen: the
// server takes no table away and renames none without it. The statement is the one that
// names the table.
func (t *telling) taken() []hold {
	var all []hold
	for name, was := range t.before.tables {
		is, there := t.after.tables[name]
		locked := slices.ContainsFunc(t.holds, func(h hold) bool { return h.table == name && h.mode == "EXCLUSIVE" })
		if locked || there && !changed(was, is) {
			continue
		}
		h := hold{table: name, mode: "EXCLUSIVE", by: understudy.ByLog}
		if s := t.naming(name); s != nil {
			h.thread, h.statement, h.from, h.until = s.thread, s, s.from, s.from
		}
		all = append(all, h)
	}
	return all
}

func changed(was, is *table) bool {
	if was.identity != is.identity || len(was.columns) != len(is.columns) {
		return true
	}
	for name, c := range was.columns {
		if is.columns[name] != c {
			return true
		}
	}
	return false
}

// naming is the last statement of the migration that changed definitions, or read or wrote
// nothing, and has a table's name in its text.
func (t *telling) naming(table string) *statement {
	word, err := regexp.Compile(`(^|[^\w$])` + regexp.QuoteMeta(strings.ToLower(table)) + `($|[^\w$])`)
	if err != nil {
		return nil
	}
	var last *statement
	for _, s := range t.statements {
		if t.mine(s.thread) && !s.failed && s.changesDefinitions() && word.MatchString(strings.ToLower(s.text)) {
			last = s
		}
	}
	return last
}

// quotedPart is what a message of the server quotes: names, and values of rows.
var quotedPart = regexp.MustCompile(`'[^']*'|"[^"]*"|\b\d+\b`)

// tellErrors counts what the server said to others, by kind.
func (t *telling) tellErrors() {
	found := map[understudy.ObservedError]int{}
	for _, s := range t.statements {
		if th := t.threads[s.thread]; s.failed && s.until > 0 && th != nil && !th.mine && !th.own {
			found[understudy.ObservedError{Who: th.who, Code: s.number, Message: quotedPart.ReplaceAllString(s.message, "?")}]++
		}
	}
	for e, times := range found {
		e.Times = times
		t.seen.Errors = append(t.seen.Errors, e)
	}
	slices.SortFunc(t.seen.Errors, func(a, b understudy.ObservedError) int {
		return cmp.Or(cmp.Compare(b.Times, a.Times), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Who, b.Who), cmp.Compare(a.Message, b.Message))
	})
}

// tellHalfDone says what a migration that failed leaves: the server commits each change of
// definitions by itself.
func (t *telling) tellHalfDone() {
	done := 0
	for _, s := range t.statements {
		if !t.mine(s.thread) {
			continue
		}
		if s.failed && done > 0 {
			t.note(fmt.Sprintf("a statement failed (error %s) after %d changes of the schema, each of which the server had committed by itself: they stay", s.number, done))
			break
		}
		if s.commits() {
			done++
		}
	}
	for _, name := range t.after.halves {
		if !slices.Contains(t.before.halves, name) {
			t.seen.Objects = append(t.seen.Objects, understudy.ObjectChange{Kind: "half made table", Name: name, New: true})
		}
	}
}

// span of the whole migration, for what is known to have happened in it and not when.
func (t *telling) gone(name indexName) time.Duration {
	var from, until time.Duration
	for _, s := range t.statements {
		if !t.mine(s.thread) || !s.changesDefinitions() || s.failed {
			continue
		}
		if uses := t.usesOf(s); len(uses) > 0 && uses[0].table == name.table {
			if from == 0 {
				from = s.until
			}
			until = s.from
		}
	}
	return max(until-from, 0)
}
