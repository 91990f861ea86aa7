package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"understudy"
)

// ReadGently runs act in a read-only transaction of a database that others work with: no
// statement of it takes longer than statement, and none waits longer than lock for
// another's lock. Before the session's settings are fixed, first may look at them.
func ReadGently(ctx context.Context, conn *pgx.Conn, doing string, statement, lock time.Duration, first, act func(pgx.Tx) error) error {
	if conn.PgConn().TxStatus() != 'I' {
		return understudy.Errorf(understudy.KindConflict, "%s: the connection is inside a transaction already", doing)
	}
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{AccessMode: pgx.ReadOnly}) // no view is held longer than for a statement
	if err != nil {
		return ReadError(doing, err)
	}
	defer Rollback(ctx, tx)
	return Gently(ctx, tx, statement, lock, first, act)
}

// Gently does so within a transaction.
func Gently(ctx context.Context, tx pgx.Tx, statement, lock time.Duration, first, act func(pgx.Tx) error) error {
	_, err := tx.Exec(ctx, `SELECT set_config('statement_timeout', $1, true), set_config('lock_timeout', $2, true), set_config('jit', 'off', true)`, milliseconds(statement), milliseconds(lock))
	if err != nil {
		return ReadError("bounding the time of statements", err)
	}
	if err := first(tx); err != nil {
		return err
	}
	if err := pinSession(ctx, tx, statement, lock); err != nil {
		return err
	}
	return act(tx)
}

// Objects reads the schema as [Inspect] does, within a transaction and by object: "index
// public.orders_pkey" to its definition. Each kind is read by attempt, which is told what
// is read ("constraints"); one that it cannot read is left out.
func Objects(ctx context.Context, tx pgx.Tx, attempt func(of string, read func(pgx.Tx) error) error) (map[string]string, error) {
	major, err := MajorOf(ctx, tx)
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, f := range facts() {
		if major < f.since {
			continue
		}
		err := attempt(f.of, func(tx pgx.Tx) error {
			found, err := collect(ctx, tx, f)
			lines = append(lines, found...)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return byObject(lines), nil
}
