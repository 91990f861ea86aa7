package mysqlwatch

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"understudy"
)

// ring is one of the server's histories, and how far it was read.
type ring struct {
	table  string
	size   int64
	cursor int64              // picoseconds on the server's clock
	taken  map[eventKey]int64 // what was read of the time that is read again, with its end
	count  int64              // of events so far, as the server's sums say
}

// eventKey is one event.
type eventKey struct{ thread, id int64 }

// overlap is the time, in picoseconds, that is read again each time: an event gets its end a
// moment before it is in the ring, and a thread may be held up between the two.
const overlap = int64(2 * time.Second / time.Nanosecond * 1000)

// rings in the order in which they are read: a statement's parts end before it does.
func rings() []*ring {
	return []*ring{{table: "events_waits"}, {table: "events_stages"}, {table: "events_transactions"}, {table: "events_statements"}}
}

// The times between two readings of the rings, which cost as much as the rings are long:
// as seldom as will do.
const (
	historySoonest = 100 * time.Millisecond
	historyLatest  = time.Second
	historyFill    = 4 // a ring is read when it was filled to one of so many parts, at the rate of the time before
)

// openHistory finds the server's clock and the rings, and begins to read at their ends.
func (w *Watch) openHistory(ctx context.Context) error {
	w.start = time.Now()
	if !w.schema {
		return nil
	}
	now, err := w.clock(ctx)
	if err != nil {
		return err
	}
	w.start, w.record.zero = time.Now(), now
	w.record.rings = rings()
	for _, r := range w.record.rings {
		rows, err := w.conn.Texts(ctx, "reading the size of a history", "SHOW GLOBAL VARIABLES LIKE 'performance\\_schema\\_"+r.table+"\\_history\\_long\\_size'")
		if err != nil {
			return err
		}
		if len(rows) == 1 {
			r.size = number(rows[0][1])
		}
		r.cursor = now
		if r.count, err = w.counted(ctx, r); err != nil {
			return err
		}
		if r.size <= 0 {
			w.record.lost = true
			w.record.note("the server keeps no " + r.table + "_history_long")
		}
	}
	return nil
}

// clock is the moment on the server's clock, in picoseconds: the end so far of the very
// statement that asks.
func (w *Watch) clock(ctx context.Context) (int64, error) {
	rows, err := w.conn.Texts(ctx, "reading the server's clock", `SELECT e.TIMER_END FROM performance_schema.events_statements_current e
		JOIN performance_schema.threads t ON t.THREAD_ID = e.THREAD_ID WHERE t.PROCESSLIST_ID = CONNECTION_ID() AND e.TIMER_END IS NOT NULL`)
	if err != nil {
		return 0, err
	}
	if len(rows) == 0 {
		return 0, understudy.Errorf(understudy.KindUnavailable, "reading the server's clock: its performance_schema shows no statement of ours").
			WithHint("let setup_actors of performance_schema have this account watched: UPDATE performance_schema.setup_actors SET ENABLED = 'YES', HISTORY = 'YES'")
	}
	return number(rows[0][0]), nil
}

// moment turns picoseconds of the server's clock into time since the watch began.
func (r *record) moment(picoseconds string) time.Duration {
	return time.Duration((number(picoseconds) - r.zero) / 1000)
}

// readHistory reads what was added to the rings.
func (w *Watch) readHistory(ctx context.Context) error {
	if !w.schema {
		return nil
	}
	next := historyLatest
	since := max(time.Since(w.read), time.Millisecond)
	for _, r := range w.record.rings {
		newest, err := w.readRing(ctx, r)
		if err != nil {
			return err
		}
		r.cursor = max(r.cursor, newest)
		count, err := w.counted(ctx, r)
		if err != nil {
			return err
		}
		fresh := count - r.count
		r.count = count
		if fresh >= r.size {
			w.record.lost = true
			w.record.note("the server's " + r.table + "_history_long is too small for this traffic: some of it was overwritten before it was read")
		}
		if fresh > 0 {
			next = min(next, since*time.Duration(r.size)/time.Duration(historyFill*fresh))
		}
	}
	w.read, w.readNext = time.Now(), max(next, historySoonest)
	return nil
}

// counted is how many events of a ring's kind there were so far.
func (w *Watch) counted(ctx context.Context, r *ring) (int64, error) {
	rows, err := w.conn.Texts(ctx, "counting "+r.table, "SELECT COALESCE(SUM(COUNT_STAR), 0) FROM performance_schema."+r.table+"_summary_global_by_event_name WHERE COUNT_STAR > 0")
	if err != nil {
		return 0, err
	}
	return number(rows[0][0]), nil
}

// readRing reads what ended after the cursor, without what others do that neither failed nor
// took long.
func (w *Watch) readRing(ctx context.Context, r *ring) (newest int64, err error) {
	columns, more, others := "", "", w.record.others()
	switch r.table {
	case "events_statements":
		columns, more = "DIGEST_TEXT, ROWS_AFFECTED, ERRORS, MYSQL_ERRNO, MESSAGE_TEXT", fmt.Sprintf(" AND (THREAD_ID NOT IN (%s) OR ERRORS > 0 OR TIMER_WAIT >= %d)", others, othersFrom.Nanoseconds()*1000)
	case "events_waits":
		columns, more = "OBJECT_SCHEMA, OBJECT_NAME, OPERATION", " AND (EVENT_NAME = 'wait/lock/metadata/sql/mdl' OR EVENT_NAME = 'wait/lock/table/sql/handler' AND THREAD_ID NOT IN ("+others+"))"
	case "events_stages":
		columns = "1"
	case "events_transactions":
		columns, more = "STATE", " AND THREAD_ID NOT IN ("+others+")"
	}
	rows, err := w.conn.Texts(ctx, "reading "+r.table, fmt.Sprintf(`SELECT THREAD_ID, EVENT_ID, END_EVENT_ID, EVENT_NAME, TIMER_START, TIMER_END, %s
		FROM performance_schema.%s_history_long WHERE TIMER_END > %d%s`, columns, r.table, max(r.cursor-overlap, w.record.zero), more))
	if err != nil {
		return 0, err
	}
	again := make(map[eventKey]int64, len(rows))
	for _, row := range rows {
		key, until := eventKey{number(row[0]), number(row[1])}, number(row[5])
		newest, again[key] = max(newest, until), until
		if r.taken[key] != until {
			w.take(r.table, row)
		}
	}
	r.taken = again
	return newest, nil
}

// others are the threads that are known not to be the migration's, as SQL writes a list.
func (r *record) others() string {
	list := []string{"0"}
	for id, t := range r.threads {
		if !t.mine {
			list = append(list, strconv.FormatInt(id, 10))
		}
	}
	return strings.Join(list, ", ")
}

// take adds one event to the record.
func (w *Watch) take(table string, row []string) {
	r := w.record
	thread, id := number(row[0]), number(row[1])
	from, until := r.moment(row[4]), r.moment(row[5])
	if t, known := r.threads[thread]; known && t.own {
		return
	}
	switch table {
	case "events_statements":
		s := &statement{
			thread: thread, id: id, last: max(number(row[2]), id), name: strings.TrimPrefix(strings.TrimPrefix(row[3], "statement/sql/"), "statement/"), from: from, until: until,
			text: strings.TrimSpace(row[6]), rows: number(row[7]), failed: row[8] != "0", number: row[9], message: row[10],
		}
		if t, known := r.threads[thread]; !known || t.mine || s.failed || until-from >= othersFrom {
			r.statements = append(r.statements, s)
		}
	case "events_waits":
		if row[6] != w.conn.Database || strings.HasPrefix(row[7], "#sql") {
			return
		}
		if strings.HasSuffix(row[3], "/mdl") {
			r.waits = append(r.waits, tableWait{thread, id, row[7], from, until})
		} else if t, known := r.threads[thread]; !known || t.mine {
			r.uses = append(r.uses, use{thread, id, row[7], strings.HasPrefix(row[8], "write"), from})
		}
	case "events_stages":
		r.stages = append(r.stages, stage{thread, id, strings.ToLower(row[3]), from, until})
	case "events_transactions":
		r.transactions = append(r.transactions, transaction{thread, from, until, row[6] == "COMMITTED"})
	}
}

// othersFrom is from which time on a statement of others is remembered: shorter ones have
// waited for nobody.
const othersFrom = time.Millisecond

// settlePatience is how long the end waits for a statement to be in the history: the server
// answers before it writes it there.
const settlePatience = 2 * time.Second

// settle returns when no session of the migration is running anything.
func (w *Watch) settle(ctx context.Context) error {
	if !w.schema {
		return nil
	}
	for began := time.Now(); ; {
		if err := w.lookAtThreads(ctx); err != nil {
			return err
		}
		list := []string{"0"}
		for id, t := range w.record.threads {
			if t.mine {
				list = append(list, strconv.FormatInt(id, 10))
			}
		}
		rows, err := w.conn.Texts(ctx, "waiting for the migration's last statement", "SELECT COUNT(*) FROM performance_schema.events_statements_current WHERE END_EVENT_ID IS NULL AND THREAD_ID IN ("+strings.Join(list, ", ")+")")
		if err != nil || rows[0][0] == "0" {
			return err
		}
		if time.Since(began) > settlePatience {
			w.record.note("a session of the migration was at work when the watch ended: its last statement is not told")
			return nil
		}
	}
}

// settleOwners says of threads that were too short to be looked at whose they were: where
// the server counts as many connections of the migration's user as are missing, all of them
// are the migration's.
func (w *Watch) settleOwners(ended counters) {
	r := w.record
	known, unknown := int64(0), map[int64]bool{}
	for _, t := range r.threads {
		if t.mine && !t.before {
			known++
		}
	}
	for _, s := range r.statements {
		if _, is := r.threads[s.thread]; !is {
			unknown[s.thread] = true
		}
	}
	made := ended.connections[w.spec.User] - w.began.connections[w.spec.User]
	missing := made - known
	switch {
	case !w.schema || w.spec.User == "":
		r.owners = w.schema && len(unknown) == 0
	case missing > 0 && missing == int64(len(unknown)):
		for id := range unknown {
			r.threads[id] = &thread{id: id, user: w.spec.User, who: w.spec.User, mine: true}
		}
		r.owners = true
	default:
		r.owners = missing <= 0 || len(unknown) == 0
	}
	if !r.owners {
		r.note("some sessions were too short to tell whose they were")
	}
	r.statements = slices.DeleteFunc(r.statements, func(s *statement) bool { return r.threads[s.thread] == nil && !s.failed })
}
