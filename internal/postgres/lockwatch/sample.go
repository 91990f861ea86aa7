package lockwatch

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// sight is one look: the sessions that matter and the locks that they hold or want.
type sight struct {
	from, at time.Time // before and after, by the server's clock
	sessions map[int32]session
	locks    []lockSight
}

// session is one of the watched database: of the migration, one that waits for a lock or
// is waited for, or one that has written.
type session struct {
	pid, leader int32
	program     string
	role        string
	kind        string // "client backend", "autovacuum worker", …
	state       string // "active", "idle in transaction", …
	statement   string
	transaction uint32 // its number in the log; 0: it has written nothing
	begun       time.Time
	asked       time.Time // when its statement began
	changed     time.Time // when its state did: of an idle session, when its statement ended
	migration   bool
	waits       bool // for a lock
	blockers    []int32
}

// name is how a session is called in front of people.
func (s session) name() string {
	if s.kind == "autovacuum worker" {
		return "autovacuum"
	}
	return s.role + " " + s.program
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

// The functions below the server's views are asked, as the views join more to them than is
// wanted a hundred times a second.
const ofMigration = `usesysid IS NOT NULL AND ($2 = '' OR application_name = $2) AND ($3::oid = 0 OR usesysid = $3)`

const sessionsQuery = `
WITH here AS MATERIALIZED (
	SELECT *, ` + ofMigration + ` AS migration,
	       CASE WHEN wait_event_type = 'Lock' THEN pg_blocking_pids(pid) ELSE '{}' END AS blockers
	FROM pg_stat_get_activity(NULL) WHERE datid = $1)
SELECT pid, coalesce(leader_pid, pid), coalesce(application_name, ''), coalesce((SELECT rolname FROM pg_roles WHERE oid = usesysid), ''), coalesce(backend_type, ''),
       coalesce(state, ''), left(query, 8192), coalesce(backend_xid::text::bigint, 0), xact_start, query_start, state_change, migration, coalesce(wait_event_type = 'Lock', false), blockers
FROM here
WHERE migration OR wait_event_type = 'Lock' OR backend_xid IS NOT NULL OR pid IN (SELECT unnest(blockers) FROM here)`

// locksQuery reads the start of a wait by way of JSON, as versions before 14 do not have it.
const locksQuery = `
SELECT coalesce(pid, 0), locktype, coalesce(relation, 0), mode, granted, virtualtransaction,
       CASE WHEN NOT granted THEN (to_jsonb(l)->>'waitstart')::timestamptz END
FROM pg_lock_status() l
WHERE pid <> pg_backend_pid() AND (database = $1 OR database IS NULL)
  AND (NOT granted OR locktype = 'tuple' OR locktype = 'relation' AND pid IN (
	SELECT pid FROM pg_stat_get_activity(NULL) WHERE datid = $1 AND ` + ofMigration + `))`

// timesQuery asks when the look began, which is when its first query came, and for the time.
const timesQuery = "SELECT now(), clock_timestamp()"

// sizeEvery is the time between two looks at the size of the database, which costs more
// than the others: the server adds up its files.
const sizeEvery = 200 * time.Millisecond

// look reads the sessions that matter and their locks. The server's locks are listed, which
// holds up whoever takes one, only while the migration is in a transaction or somebody
// waits: then all is asked again, at once, as locks would else stand beside statements and
// transactions that had ended before them. Where it is likely, that is asked at once.
func (v *view) look(ctx context.Context, conn *pgx.Conn, likely bool) (sight, error) {
	seen, err := v.ask(ctx, conn, likely)
	if err != nil || likely || !seen.matters() {
		return seen, err
	}
	return v.ask(ctx, conn, true)
}

// ask reads the sessions that matter, with their locks or without.
func (v *view) ask(ctx context.Context, conn *pgx.Conn, locks bool) (seen sight, err error) {
	batch := &pgx.Batch{}
	batch.Queue(sessionsQuery, v.database, v.spec.ApplicationName, v.role).Query(func(rows pgx.Rows) (err error) {
		seen.sessions, err = collectSessions(rows)
		return err
	})
	if locks {
		batch.Queue(locksQuery, v.database, v.spec.ApplicationName, v.role).Query(func(rows pgx.Rows) (err error) {
			seen.locks, err = pgx.CollectRows(rows, scanLock)
			return err
		})
	}
	batch.Queue(timesQuery).QueryRow(func(row pgx.Row) error { return row.Scan(&seen.from, &seen.at) })
	err = conn.SendBatch(ctx, batch).Close()
	return seen, err
}

// matters tells whether anybody can hold or want a lock that is reported.
func (s sight) matters() bool {
	for _, one := range s.sessions {
		if one.waits || one.migration && !one.begun.IsZero() {
			return true
		}
	}
	return false
}

// sample takes one look at the database and adds it to the tally.
func (v *view) sample(ctx context.Context) error {
	seen, err := v.look(ctx, v.conn, v.likely)
	if err != nil {
		return err
	}
	v.likely = seen.matters()
	v.mutex.Lock()
	v.tally.add(seen)
	v.ledger.know(seen)
	sized := v.tally.wantsSize(seen.at)
	v.mutex.Unlock()
	if sized {
		size, err := databaseSize(ctx, v.conn, v.database)
		if err != nil {
			return err
		}
		v.mutex.Lock()
		v.peak = max(v.peak, size)
		v.mutex.Unlock()
	}
	return nil
}

func collectSessions(rows pgx.Rows) (map[int32]session, error) {
	sessions := map[int32]session{}
	for rows.Next() {
		var s session
		var number int64
		var begun, asked, changed *time.Time
		err := rows.Scan(&s.pid, &s.leader, &s.program, &s.role, &s.kind, &s.state, &s.statement, &number, &begun, &asked, &changed, &s.migration, &s.waits, &s.blockers)
		if err != nil {
			return nil, err
		}
		s.transaction = uint32(number)
		s.begun, s.asked, s.changed = orZero(begun), orZero(asked), orZero(changed)
		sessions[s.pid] = s
	}
	return sessions, rows.Err()
}

func orZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

func scanLock(row pgx.CollectableRow) (l lockSight, err error) {
	var since *time.Time
	err = row.Scan(&l.pid, &l.kind, &l.relation, &l.mode, &l.granted, &l.transaction, &since)
	l.since = orZero(since)
	return l, err
}

func databaseSize(ctx context.Context, conn *pgx.Conn, database uint32) (size int64, err error) {
	return size, conn.QueryRow(ctx, "SELECT pg_database_size($1::oid)", database).Scan(&size)
}
