package lockwatch

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"understudy/internal/postgres"

	"github.com/jackc/pgx/v5"
)

// mostWAL is how much write-ahead log is read through for locks, in bytes: about 15 s of
// reading on a small machine.
const mostWAL = 2 << 30

// walReader reads from the write-ahead log what polling may miss: every AccessExclusive
// lock is logged for the sake of standby servers.
type walReader struct {
	start string // position at the beginning
	note  string // why the log cannot be read; empty: it can
}

// openWAL remembers where the log is now, and keeps it from being cleared away for as
// long as conn lives.
func openWAL(ctx context.Context, conn *pgx.Conn) (walReader, error) {
	var r walReader
	var level string
	var available bool
	err := conn.QueryRow(ctx, `SELECT pg_current_wal_insert_lsn()::text, current_setting('wal_level'),
		EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_walinspect')`).Scan(&r.start, &level, &available)
	switch {
	case err != nil:
		return r, err
	case level == "minimal":
		r.note = "exclusive locks were not read from the write-ahead log: wal_level is minimal"
		return r, nil
	case !available:
		r.note = "exclusive locks were not read from the write-ahead log: the server lacks pg_walinspect (PostgreSQL 15 or later, package postgresql-contrib)"
		return r, nil
	}
	if _, err := conn.Exec(ctx, "CREATE EXTENSION IF NOT EXISTS pg_walinspect"); err != nil {
		r.note = "exclusive locks were not read from the write-ahead log: pg_walinspect could not be made: " + messageOf(err)
		return r, nil
	}
	_, err = conn.Exec(ctx, "SELECT pg_create_physical_replication_slot('understudy_watch_' || pg_backend_pid(), true, true)")
	if err != nil {
		r.note = "exclusive locks were not read from the write-ahead log: it could not be held: " + messageOf(err)
	}
	return r, nil
}

func messageOf(err error) string { return postgres.ReadError("asking the server", err).Error() }

var lockRecord = regexp.MustCompile(`xid [0-9]+ db ([0-9]+) rel ([0-9]+)`)

// read adds what the log says to the observation. A log that cannot be read is a note.
func (r walReader) read(ctx context.Context, conn *pgx.Conn, database uint32, of names, seen *Observation) error {
	// What was written so far reaches the disk with the commit of a message of our own.
	var end string
	if _, err := conn.Exec(ctx, "SELECT pg_logical_emit_message(true, 'understudy', '')"); err != nil {
		return err
	}
	err := conn.QueryRow(ctx, "SELECT lsn::text, (lsn - $1::pg_lsn)::bigint FROM pg_current_wal_flush_lsn() lsn", r.start).Scan(&end, &seen.WAL)
	if err != nil {
		return err
	}
	if r.note == "" && seen.WAL > mostWAL {
		r.note = fmt.Sprintf("exclusive locks were not read from the write-ahead log: it has grown by %d bytes, too many to read", seen.WAL)
	}
	if r.note != "" {
		seen.Notes = append(seen.Notes, r.note)
		return nil
	}
	locked, err := exclusiveLocks(ctx, conn, r.start, end, database)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		seen.Notes = append(seen.Notes, "exclusive locks were not read from the write-ahead log: "+messageOf(err))
		return nil
	}
	seen.WALRead = true
	for oid := range locked {
		if r, existed, _ := of.find(oid); existed {
			seen.ExclusiveByWAL = append(seen.ExclusiveByWAL, r.String())
		}
	}
	slices.Sort(seen.ExclusiveByWAL)
	return nil
}

func exclusiveLocks(ctx context.Context, conn *pgx.Conn, start, end string, database uint32) (map[uint32]bool, error) {
	rows, err := conn.Query(ctx, `SELECT description FROM pg_get_wal_records_info($1::pg_lsn, $2::pg_lsn)
		WHERE resource_manager = 'Standby' AND record_type = 'LOCK'`, start, end)
	if err != nil {
		return nil, err
	}
	descriptions, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, err
	}
	locked := map[uint32]bool{}
	for _, description := range descriptions {
		for _, m := range lockRecord.FindAllStringSubmatch(description, -1) {
			in, err := strconv.ParseUint(m[1], 10, 32)
			if err != nil {
				return nil, err
			}
			relation, err := strconv.ParseUint(m[2], 10, 32)
			if err != nil {
				return nil, err
			}
			if uint32(in) == database {
				locked[uint32(relation)] = true
			}
		}
	}
	return locked, nil
}
