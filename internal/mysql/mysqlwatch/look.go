package mysqlwatch

import (
	"context"
	"slices"
	"strings"
	"time"
)

// The times between two looks at what costs the server more: row locks, and the sizes of
// files. InnoDB reads its row locks afresh only for who has not asked for 100 ms.
const (
	rowsEvery = 120 * time.Millisecond
	sizeEvery = 20 * time.Millisecond
	// Sessions are looked at when one that is not known has a lock, and every now and then.
	threadsEvery = 25 * time.Millisecond
	sizeShare    = 4                      // a look at sizes that took long is not taken again before so many times as long,
	sizeLatest   = 200 * time.Millisecond // or this
)

// look takes in what is held and wanted now.
func (w *Watch) look(ctx context.Context) error {
	at := time.Since(w.start)
	r := w.record
	if r.last > 0 {
		r.gap = max(r.gap, at-r.last)
	}
	var err error
	if w.schema {
		err = w.lookAtLocks(ctx, at)
	} else {
		err = w.lookAtProcesses(ctx, at)
	}
	if err == nil && (r.rowsLooked == 0 || at-r.rowsLooked >= rowsEvery) {
		r.rowsLooked = at
		err = w.lookAtRows(ctx, at)
	}
	if err == nil && at >= r.sizeNext {
		var size int64
		size, err = w.readSize(ctx)
		took := time.Since(w.start) - at
		r.sizeNext, r.peak = at+min(max(sizeEvery, sizeShare*took), sizeLatest), max(r.peak, size)
	}
	r.last = at
	r.looks.Add(1)
	return err
}

const threadsQuery = `SELECT t.THREAD_ID, t.PROCESSLIST_ID, COALESCE(t.PROCESSLIST_USER, ''), COALESCE(MAX(a.ATTR_VALUE), ''), COALESCE(MAX(t.PROCESSLIST_DB), '')
	FROM performance_schema.threads t LEFT JOIN performance_schema.session_connect_attrs a ON a.PROCESSLIST_ID = t.PROCESSLIST_ID AND a.ATTR_NAME = 'program_name'
	WHERE t.PROCESSLIST_ID IS NOT NULL AND t.TYPE = 'FOREGROUND' GROUP BY t.THREAD_ID, t.PROCESSLIST_ID, t.PROCESSLIST_USER`

// lookAtThreads learns whose the sessions are.
func (w *Watch) lookAtThreads(ctx context.Context) error {
	rows, err := w.conn.Texts(ctx, "looking at the sessions", threadsQuery)
	if err != nil {
		return err
	}
	for _, row := range rows {
		id := number(row[0])
		if _, known := w.record.threads[id]; known || row[2] == "" { // without a user it is still signing in
			continue
		}
		w.record.threads[id] = w.session(id, number(row[1]), row[2], row[3])
	}
	return nil
}

func (w *Watch) session(id, process int64, user, program string) *thread {
	return &thread{
		id: id, process: process, user: user, who: strings.TrimSpace(user + " " + program), own: process == w.conn.ID, before: w.record.last == 0,
		mine: process != w.conn.ID && (w.spec.User == "" || user == w.spec.User) && (w.spec.Program == "" || program == w.spec.Program),
	}
}

// lookAtLocks reads the metadata locks of tables.
func (w *Watch) lookAtLocks(ctx context.Context, at time.Duration) error {
	rows, err := w.conn.Texts(ctx, "looking at the metadata locks", `SELECT OWNER_THREAD_ID, COALESCE(OWNER_EVENT_ID, 0), OBJECT_NAME, LOCK_TYPE, LOCK_STATUS
		FROM performance_schema.metadata_locks WHERE OBJECT_TYPE = 'TABLE' AND OBJECT_SCHEMA = ? AND OWNER_THREAD_ID IS NOT NULL AND OBJECT_NAME NOT LIKE '#sql%'`, w.conn.Database)
	if err != nil {
		return err
	}
	r, looked := w.record, time.Since(w.start)
	stranger := slices.ContainsFunc(rows, func(row []string) bool { return r.threads[number(row[0])] == nil })
	if stranger || r.threadsNext <= at {
		r.threadsNext = at + threadsEvery
		if err := w.lookAtThreads(ctx); err != nil {
			return err
		}
	}
	held, wanted, holders := map[sightKey]*statement{}, map[sightKey]*statement{}, map[string]string{}
	for _, row := range rows {
		key := sightKey{thread: number(row[0]), owner: number(row[1]), table: row[2], mode: row[3]}
		if t := r.threads[key.thread]; t != nil && t.own {
			continue
		}
		if row[4] == "GRANTED" {
			if !r.mine(key.thread) {
				holders[key.table] = r.who(key.thread)
			}
			held[key] = nil
		} else {
			wanted[key] = nil
		}
	}
	seen(r.held, held, at, looked, r.ended(false))
	seen(r.wanted, wanted, at, looked, r.ended(true))
	r.heldUp(wanted, holders)
	return nil
}

// heldUp notes who holds a table that the migration wants.
func (r *record) heldUp(wanted map[sightKey]*statement, holders map[string]string) {
	for key := range wanted {
		if who := holders[key.table]; who != "" && r.mine(key.thread) {
			if r.behind[key.thread] == nil {
				r.behind[key.thread] = map[string]string{}
			}
			r.behind[key.thread][key.table] = who
		}
	}
}

// rowsQuery lists who waits for whom, by connection, and the table of the row. That of
// MySQL follows its documentation; it was not tried.
func (w *Watch) rowsQuery() string {
	if !w.conn.Maria {
		return `SELECT r.trx_mysql_thread_id, b.trx_mysql_thread_id, l.OBJECT_SCHEMA, l.OBJECT_NAME FROM performance_schema.data_lock_waits x
			JOIN information_schema.INNODB_TRX r ON r.trx_id = x.REQUESTING_ENGINE_TRANSACTION_ID
			JOIN information_schema.INNODB_TRX b ON b.trx_id = x.BLOCKING_ENGINE_TRANSACTION_ID JOIN performance_schema.data_locks l ON l.ENGINE_LOCK_ID = x.REQUESTING_ENGINE_LOCK_ID`
	}
	return `SELECT r.trx_mysql_thread_id, b.trx_mysql_thread_id, SUBSTRING_INDEX(SUBSTRING(l.lock_table, 2), '` + "`.`" + `', 1), SUBSTRING_INDEX(l.lock_table, '` + "`.`" + `', -1) FROM information_schema.INNODB_LOCK_WAITS x
		JOIN information_schema.INNODB_TRX r ON r.trx_id = x.requesting_trx_id JOIN information_schema.INNODB_TRX b ON b.trx_id = x.blocking_trx_id
		JOIN information_schema.INNODB_LOCKS l ON l.lock_id = x.requested_lock_id`
}

// lookAtRows reads who waits for a row that the migration has locked.
func (w *Watch) lookAtRows(ctx context.Context, at time.Duration) error {
	rows, err := w.conn.Texts(ctx, "looking at the row locks", w.rowsQuery())
	if err != nil {
		return err
	}
	now := map[rowKey]*statement{}
	for _, row := range rows {
		waiter, blocker := w.record.byProcess(number(row[0])), w.record.byProcess(number(row[1]))
		if waiter == nil || blocker == nil || row[2] != w.conn.Database || !blocker.mine || waiter.mine {
			continue
		}
		key := rowKey{waiter.id, blocker.id, tableOfPartition(row[3])}
		now[key] = w.record.process[waiter.id]
	}
	seen(w.record.rows, now, at, time.Since(w.start), w.record.rowEnded)
	return nil
}

// tableOfPartition takes off what names a partition, and the end of the quotes: what is left
// of "orders` /* Partition `p0` */" and, on MySQL, "orders#P#p0".
func tableOfPartition(name string) string {
	name, _, _ = strings.Cut(name, " /* Partition ")
	name, _, _ = strings.Cut(strings.ReplaceAll(name, "#p#", "#P#"), "#P#")
	return strings.ReplaceAll(strings.TrimSuffix(name, "`"), "``", "`")
}

func (r *record) byProcess(process int64) *thread {
	for _, t := range r.threads {
		if t.process == process {
			return t
		}
	}
	return nil
}
