package follow

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"understudy/internal/postgres"
	"understudy/internal/postgres/replication"
)

// SlotState is one follower's slot on production.
type SlotState struct {
	Name   string
	Exists bool
	Active bool // somebody reads it now
	Lost   bool // production has removed log that it needs
	// Confirmed is how far the follower has all on disk; Server is where production's log ends.
	Confirmed, Server replication.LSN
	Retained          int64     // bytes of log that production keeps for it
	Now               time.Time // by production's clock
}

const slotQuery = `
	SELECT s.slot_name::text, s.active, COALESCE(to_jsonb(s) ->> 'wal_status', '') = 'lost', COALESCE(s.confirmed_flush_lsn, '0/0')::text,
		pg_current_wal_lsn()::text, COALESCE(pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn), 0)::bigint, clock_timestamp()
	FROM pg_replication_slots s WHERE s.database = current_database() AND `

// readSlot reads the state of a follower's slot; one that does not exist is no error.
func readSlot(ctx context.Context, source *pgx.Conn, spec Spec) (SlotState, error) {
	state, err := scanSlot(source.QueryRow(ctx, slotQuery+"s.slot_name = $1", spec.slot()))
	if errors.Is(err, pgx.ErrNoRows) {
		return SlotState{Name: spec.slot()}, nil
	}
	if err != nil {
		return SlotState{}, postgres.ReadError("looking at replication slot "+spec.slot(), err)
	}
	return state, nil
}

// Kept tells whether production still keeps the log that the copy of a follower which is not
// running needs: an error of another kind than KindUnavailable says why not, or why it
// should not any longer.
func Kept(ctx context.Context, spec Spec) error {
	spec, err := spec.withoutMasks()
	if err != nil {
		return err
	}
	source, err := postgres.OpenReader(ctx, spec.Source, spec.application())
	if err != nil {
		return err
	}
	defer postgres.CloseConn(ctx, source)
	slot, err := readSlot(ctx, source, spec)
	if err != nil {
		return err
	}
	return slot.usable(spec)
}

// Slots lists the slots of all followers on a production, the running and the left ones:
// what a left one retains grows until somebody drops it.
func Slots(ctx context.Context, source *pgx.Conn) ([]SlotState, error) {
	rows, err := source.Query(ctx, slotQuery+fmt.Sprintf("starts_with(s.slot_name::text, '%s') ORDER BY 1", slotPrefix))
	if err != nil {
		return nil, postgres.ReadError("looking for replication slots of followers", err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (SlotState, error) { return scanSlot(row) })
	if err != nil {
		return nil, postgres.ReadError("looking for replication slots of followers", err)
	}
	return all, nil
}

func scanSlot(row pgx.Row) (SlotState, error) {
	s := SlotState{Exists: true}
	var confirmed, server string
	if err := row.Scan(&s.Name, &s.Active, &s.Lost, &confirmed, &server, &s.Retained, &s.Now); err != nil {
		return s, err
	}
	var err error
	if s.Confirmed, err = replication.ParseLSN(confirmed); err != nil {
		return s, err
	}
	s.Server, err = replication.ParseLSN(server)
	return s, err
}

// dropSlot drops the follower's slot once the server has noticed that nobody reads it any more.
func dropSlot(ctx context.Context, spec Spec) error {
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	conn, err := replication.Dial(ending, spec.Source, spec.application(), replication.Logical)
	if err != nil {
		return err
	}
	defer conn.Close(ending)
	return conn.DropSlot(ending, spec.slot())
}
