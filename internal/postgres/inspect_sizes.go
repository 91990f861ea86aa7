package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// TableSize is how big one table is.
type TableSize struct {
	Table string `json:"table"` // schema.table, quoted where it must be
	Rows  int64  `json:"rows"`  // as the server estimates; -1: it was never analysed
	Bytes int64  `json:"bytes"` // with TOAST and indexes
}

// TableSizes tells how big each table is, the biggest first, without reading any.
// Partitions are tables of their own here. It needs no right but to connect.
func TableSizes(ctx context.Context, conn *pgx.Conn) ([]TableSize, error) {
	var sizes []TableSize
	err := reading(ctx, conn, "measuring the tables", func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			SELECT n.nspname, c.relname, c.reltuples::bigint, COALESCE(pg_total_relation_size(c.oid), 0) AS bytes
			FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
			WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND `+OfUser+` AND `+NotOfExtension("pg_class", "c.oid")+`
			ORDER BY bytes DESC, 1, 2`)
		if err != nil {
			return ReadError("measuring the tables", err)
		}
		sizes, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (TableSize, error) {
			var schema, table string
			var size TableSize
			err := row.Scan(&schema, &table, &size.Rows, &size.Bytes)
			size.Table = TableName(schema, table)
			return size, err
		})
		if err != nil {
			return ReadError("measuring the tables", err)
		}
		return nil
	})
	return sizes, err
}
