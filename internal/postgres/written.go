package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// Written counts the rows that were inserted, updated and deleted in each of a database's
// tables since its statistics were begun, as the server counts them, rolled back ones
// included. A count is up to a second old for sessions that are busy. It also gives when they
// were begun: after a crash of the server that is anew.
func Written(ctx context.Context, conn *pgx.Conn) (rows map[string]int64, since string, err error) {
	rows = map[string]int64{}
	var table string
	var n int64
	all, err := conn.Query(ctx, `SELECT format('%I.%I', schemaname, relname), n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_user_tables
		WHERE schemaname NOT LIKE 'pg\_temp%'`)
	if err == nil {
		_, err = pgx.ForEachRow(all, []any{&table, &n}, func() error {
			rows[table] = n
			return nil
		})
	}
	if err == nil {
		err = conn.QueryRow(ctx, "SELECT coalesce(stats_reset::text, '') FROM pg_stat_database WHERE datname = current_database()").Scan(&since)
	}
	if err != nil {
		return nil, "", ReadError("counting the rows that were written", err)
	}
	return rows, since, nil
}
