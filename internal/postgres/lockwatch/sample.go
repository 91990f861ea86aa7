package lockwatch

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// sight is one look: the sessions that matter and the locks that they hold or want.
type sight struct {
	at       time.Time // the server's clock
	sessions map[int32]session
	locks    []lockSight
}

type session struct {
	pid         int32
	application string
	role        string
	statement   string
	migration   bool
	blockers    []int32
}

type lockSight struct {
	pid         int32
	kind        string // "relation", "tuple", "transactionid", …
	relation    uint32
	mode        string
	granted     bool
	transaction string    // of the holder, its virtual number
	since       time.Time // start of the wait; zero when the server does not say
}

const ofMigration = `($2 = '' OR application_name = $2) AND ($3 = '' OR usename = $3)`

const sessionsQuery = `
SELECT pid, coalesce(application_name, ''), coalesce(usename, ''), left(query, 8192), ` + ofMigration + `,
       CASE WHEN wait_event_type = 'Lock' THEN pg_blocking_pids(pid) ELSE '{}' END
FROM pg_stat_activity WHERE datid = $1 AND usename IS NOT NULL AND (wait_event_type = 'Lock' OR ` + ofMigration + `)`

// locksQuery reads the start of a wait by way of JSON, as versions before 14 do not have it.
const locksQuery = `
SELECT pid, locktype, coalesce(relation, 0), mode, granted, virtualtransaction, (to_jsonb(l)->>'waitstart')::timestamptz
FROM pg_locks l
WHERE pid <> pg_backend_pid() AND (database = $1 OR database IS NULL)
  AND (NOT granted OR locktype = 'tuple' OR locktype = 'relation' AND pid IN
       (SELECT pid FROM pg_stat_activity WHERE datid = $1 AND ` + ofMigration + `))`

// sizeEvery is the time between two looks at the size of the database, which costs more
// than the others: the server adds up its files.
const sizeEvery = 200 * time.Millisecond

// sample takes one look and adds it to the tally.
func (w *Watch) sample(ctx context.Context) error {
	var seen sight
	batch := &pgx.Batch{}
	batch.Queue(sessionsQuery, w.database, w.spec.ApplicationName, w.spec.Role).Query(func(rows pgx.Rows) (err error) {
		seen.sessions, err = collectSessions(rows)
		return err
	})
	batch.Queue(locksQuery, w.database, w.spec.ApplicationName, w.spec.Role).Query(func(rows pgx.Rows) (err error) {
		seen.locks, err = pgx.CollectRows(rows, scanLock)
		return err
	})
	batch.Queue("SELECT clock_timestamp()").QueryRow(func(row pgx.Row) error { return row.Scan(&seen.at) })
	if err := w.conn.SendBatch(ctx, batch).Close(); err != nil {
		return err
	}
	if w.tally.wantsSize(seen.at) {
		size, err := databaseSize(ctx, w.conn, w.database)
		if err != nil {
			return err
		}
		w.tally.bytes(size)
	}
	w.tally.add(seen)
	w.looks.Add(1)
	return nil
}

func collectSessions(rows pgx.Rows) (map[int32]session, error) {
	sessions := map[int32]session{}
	for rows.Next() {
		var s session
		if err := rows.Scan(&s.pid, &s.application, &s.role, &s.statement, &s.migration, &s.blockers); err != nil {
			return nil, err
		}
		sessions[s.pid] = s
	}
	return sessions, rows.Err()
}

func scanLock(row pgx.CollectableRow) (l lockSight, err error) {
	var since *time.Time
	err = row.Scan(&l.pid, &l.kind, &l.relation, &l.mode, &l.granted, &l.transaction, &since)
	if since != nil {
		l.since = *since
	}
	return l, err
}

func databaseSize(ctx context.Context, conn *pgx.Conn, database uint32) (size int64, err error) {
	return size, conn.QueryRow(ctx, "SELECT pg_database_size($1::oid)", database).Scan(&size)
}
