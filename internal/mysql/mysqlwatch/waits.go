package mysqlwatch

import (
	"cmp"
	"slices"
	"time"

	"understudy"
	"understudy/internal/mysql"
)

// oneWait is one wait of one session for the migration.
type oneWait struct {
	who, table, wanted, statement, by string
	from, until                       time.Duration
	queued                            bool
	seenBy                            understudy.ObservedBy
}

// tellWaits puts together who waited for the migration, the like ones as one.
func (t *telling) tellWaits() {
	var all []oneWait
	for _, w := range t.waits {
		if one, ours := t.tableWait(w); ours {
			all = append(all, one)
		}
	}
	for _, w := range t.rowsOver {
		all = append(all, t.rowWait(w))
	}
	if !t.exactWaits {
		all = append(all, t.processWaits()...)
	}
	type same struct {
		who, table, wanted, statement, by string
		queued                            bool
	}
	found := map[same]*understudy.ObservedWait{}
	for _, one := range all {
		key := same{one.who, one.table, one.wanted, one.statement, one.by, one.queued}
		w := found[key]
		if w == nil {
			w = &understudy.ObservedWait{Who: one.who, Wanted: one.wanted, Statement: one.statement, By: one.by, Queued: one.queued, SeenBy: []understudy.ObservedBy{one.seenBy}}
			if one.table != "" {
				w.Relation = mysql.TableName(one.table)
			}
			found[key] = w
		}
		length := one.until - one.from
		w.Times, w.Total = w.Times+1, w.Total+length
		if length >= w.For {
			w.From, w.For = max(one.from, 0), length
		}
	}
	for _, w := range found {
		t.seen.Waits = append(t.seen.Waits, *w)
	}
	slices.SortFunc(t.seen.Waits, func(a, b understudy.ObservedWait) int {
		return cmp.Or(cmp.Compare(b.For, a.For), cmp.Compare(a.Relation, b.Relation), cmp.Compare(a.Statement, b.Statement), cmp.Compare(a.Who, b.Who))
	})
}

// tableWait is what a wait for a table's metadata lock had to do with the migration: it held
// the table meanwhile, or was waiting for it itself.
func (t *telling) tableWait(w tableWait) (oneWait, bool) {
	if t.mine(w.thread) || t.threads[w.thread] != nil && t.threads[w.thread].own {
		return oneWait{}, false
	}
	var by *statement
	longest := time.Duration(0)
	consider := func(from, until time.Duration, s *statement) {
		if shared := min(until, w.until) - max(from, w.from); s != nil && shared > 0 && (by == nil || shared > longest) {
			by, longest = s, shared
		}
	}
	for _, h := range t.holds {
		if h.table == w.table && stops(h.mode) != understudy.StopsNothing {
			consider(h.from, h.until, h.statement)
		}
	}
	for _, mine := range t.waits {
		if t.mine(mine.thread) && mine.table == w.table {
			consider(mine.from, mine.until, t.statementOf(mine.thread, mine.id))
		}
	}
	if by == nil {
		return oneWait{}, false
	}
	queued := false
	for _, mine := range t.waits {
		queued = queued || t.mine(mine.thread) && mine.table == w.table && mine.from <= w.from && w.from < mine.until
	}
	statement := ""
	if s := t.statementOf(w.thread, w.id); s != nil {
		statement = s.text
	}
	return oneWait{t.who(w.thread), w.table, t.wantedMode(w), statement, by.text, w.from, w.until, queued, understudy.ByLog}, true
}

// rowWait is a wait for a row, looked at again and again. It ended with the transaction that
// had the row, or with the statement that wanted it.
func (t *telling) rowWait(w rowWait) oneWait {
	one := oneWait{who: t.who(w.waiter), table: w.table, wanted: "row", from: w.from, until: w.until, seenBy: understudy.BySamples}
	if w.statement != nil {
		one.statement = w.statement.text
	}
	if s := t.statementAt(w.waiter, w.until); s != nil {
		one.statement = s.text
		if tx, found := t.transactionAt(w.blocker, w.until); found {
			one.until = max(w.until, min(s.until, tx.until))
		}
	}
	if by := t.writer(w.blocker, w.table, w.from); by != nil {
		one.by = by.text
	}
	return one
}

// writer is the statement of a thread that wrote to a table last before a moment.
func (t *telling) writer(thread int64, table string, at time.Duration) *statement {
	var last *statement
	for _, u := range t.uses {
		if u.thread == thread && u.table == table && u.write && u.from <= at {
			last = t.statementOf(thread, u.id)
		}
	}
	if last == nil {
		last = t.statementAt(thread, at)
	}
	return last
}

// processWaits are waits as the list of processes shows them: for some table, while the
// migration was running something.
func (t *telling) processWaits() []oneWait {
	var all []oneWait
	for _, s := range t.over {
		if !s.wanted || t.mine(s.thread) || s.table != "" || s.statement == nil {
			continue
		}
		by, longest := "", time.Duration(0)
		for _, mine := range t.statements {
			if shared := min(mine.until, s.until) - max(mine.from, s.from); t.mine(mine.thread) && shared >= longest {
				by, longest = mine.text, shared
			}
		}
		if by != "" {
			all = append(all, oneWait{who: t.who(s.thread), wanted: s.mode, statement: s.statement.text, by: by, from: s.from, until: s.until, seenBy: understudy.BySamples})
		}
	}
	return all
}
