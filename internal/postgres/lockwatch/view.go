package lockwatch

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/postgres/wal"
)

// view is what a watch sees of one database.
type view struct {
	*Watch
	name     string
	database uint32
	server   string
	began    time.Time
	before   catalog
	bytes    int64
	start    string // place in the log
	likely   bool   // the last sample showed that there can be locks; the sampler's

	// Held by the mutex of the watch.
	peak   int64
	log    *logged
	tally  *tally
	ledger *ledger
}

func (v *view) open(ctx context.Context) (err error) {
	if v.conn.Config().Database == v.name {
		return understudy.Errorf(understudy.KindInvalid, "watching database %s: it is watched from another database, not from itself", v.name)
	}
	err = v.conn.QueryRow(ctx, `SELECT oid, pg_database_size(oid), pg_current_wal_insert_lsn()::text, clock_timestamp(), current_setting('server_version')
		FROM pg_database WHERE datname = $1`, v.name).Scan(&v.database, &v.bytes, &v.start, &v.began, &v.server)
	if errors.Is(err, pgx.ErrNoRows) {
		return understudy.Errorf(understudy.KindNotFound, "watching database %s: there is none of that name", v.name)
	}
	if err != nil {
		return err
	}
	if v.before, err = v.readCatalog(ctx); err != nil {
		return err
	}
	v.peak = v.bytes
	v.tally, v.ledger = newTally(v.database, v.began, v.spec.Gate), newLedger(v.database)
	v.log, err = openLog(ctx, v.conn, v.spec.LogFile)
	return err
}

// hold looks at the locks of transactions of this database whose commits are held, and says
// which of them are not of its sessions.
func (v *view) hold(ctx context.Context, ends []wal.Outcome) (others []wal.Outcome, err error) {
	seen, err := v.look(ctx, v.holder, true)
	if err != nil {
		return nil, err
	}
	size, err := v.sizeHeld(ctx, ends)
	if err != nil {
		return nil, err
	}
	v.mutex.Lock()
	defer v.mutex.Unlock()
	v.peak = max(v.peak, size)
	exclusive := map[uint32][]uint32{}
	for _, end := range ends {
		exclusive[end.Transaction] = v.ledger.lockedBy(end.Transaction)
	}
	missing := v.tally.held(seen, exclusive)
	return slices.DeleteFunc(slices.Clone(ends), func(end wal.Outcome) bool { return !slices.Contains(missing, end.Transaction) }), nil
}

// sizeHeld is the size of the database while a commit is held that replaces files: the old ones
// are still there then. 0 where none does.
func (v *view) sizeHeld(ctx context.Context, ends []wal.Outcome) (int64, error) {
	v.mutex.Lock()
	replaced := slices.ContainsFunc(ends, v.ledger.replaces)
	v.mutex.Unlock()
	if !replaced {
		return 0, nil
	}
	return databaseSize(ctx, v.holder, v.database)
}

// told is what is known of the database before anything is reported.
func (v *view) told() understudy.Observation {
	seen := understudy.Observation{Server: "PostgreSQL " + v.server, Began: v.began, BytesBefore: v.bytes, Every: v.spec.Every}
	if len(v.views) > 1 {
		seen.Database = v.name
	}
	return seen
}

func (v *view) conclude(ctx context.Context, seen *understudy.Observation) error {
	after, err := v.readCatalog(ctx)
	if err != nil {
		return err
	}
	if seen.BytesAfter, err = databaseSize(ctx, v.conn, v.database); err != nil {
		return err
	}
	err = v.conn.QueryRow(ctx, "SELECT (pg_current_wal_insert_lsn() - $1::pg_lsn)::bigint", v.start).Scan(&seen.LogBytes)
	if err != nil {
		return err
	}
	seen.BytesPeak = max(v.peak, seen.BytesAfter)
	v.tally.closeAll()
	seen.Every = max(seen.Every, v.tally.gap)
	return v.report(ctx, seen, names{v.before, after})
}
