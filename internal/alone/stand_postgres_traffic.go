package alone

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"understudy"
	"understudy/internal/postgres"
	"understudy/internal/rehearsal"
	"understudy/internal/sqltraffic"
)

// database opens a copy as the application would, for traffic.
func (s *postgresStand) database(of rehearsal.Copy) (*sql.DB, error) {
	config, err := pgx.ParseConfig(s.server.URL(s.role, s.password, s.physical(of)))
	if err != nil {
		return nil, understudy.Errorf(understudy.KindInternal, "the address of the copy is not well formed")
	}
	config.RuntimeParams["application_name"] = "the old release"
	return stdlib.OpenDB(*config), nil
}

// words are what the server said to a statement of the traffic, without values.
func (s *postgresStand) words(err error) string {
	answer := new(pgconn.PgError)
	if !errors.As(err, &answer) {
		return ""
	}
	return answer.Code + " " + postgres.WithoutValue(answer.Message)
}

// keysSampled is how many rows of each table the usual traffic goes to.
const keysSampled = 200

// tablesQuery lists the tables that have a key of one column, with their columns, the
// largest first, and a column that the role may write: the key, where the server does not
// make its values always. Partitions are reached through their parent.
const tablesQuery = `
SELECT n.nspname, c.relname,
       (SELECT array_agg(a.attname ORDER BY a.attnum) FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND has_column_privilege($1, c.oid, a.attnum, 'SELECT')),
       k.attname,
       COALESCE((SELECT a.attname FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attidentity <> 'a' AND a.attgenerated = ''
          AND has_column_privilege($1, c.oid, a.attnum, 'SELECT') AND has_column_privilege($1, c.oid, a.attnum, 'UPDATE')
        ORDER BY a.attnum <> k.attnum, a.attnum LIMIT 1), '')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary AND i.indnkeyatts = 1
JOIN pg_attribute k ON k.attrelid = c.oid AND k.attnum = i.indkey[0]
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname !~ '^pg_|^information_schema$'
  AND has_column_privilege($1, c.oid, k.attnum, 'SELECT')
ORDER BY c.reltuples DESC, 1, 2 LIMIT 40`

// usual makes traffic from the schema: on each of the largest tables with a key of one
// column, reading a row and changing one.
func (s *postgresStand) usual(ctx context.Context) ([]sqltraffic.Statement, error) {
	conn, err := s.server.Connect(ctx, s.physical(rehearsal.Golden))
	if err != nil {
		return nil, err
	}
	defer postgres.CloseConn(ctx, conn)
	tables, err := readTables(ctx, conn, s.role)
	if err != nil {
		return nil, postgres.ReadError("reading the copy's tables for traffic", err)
	}
	return sqltraffic.Usual(tables, func(n int) string { return fmt.Sprintf("$%d", n) }), nil
}

func readTables(ctx context.Context, conn *pgx.Conn, role string) ([]sqltraffic.Table, error) {
	rows, err := conn.Query(ctx, tablesQuery, role)
	if err != nil {
		return nil, err
	}
	tables, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (t sqltraffic.Table, err error) {
		var schema, name, key, changes string
		var columns []string
		err = row.Scan(&schema, &name, &columns, &key, &changes)
		t = sqltraffic.Table{Name: postgres.TableName(schema, name), Quoted: pgx.Identifier{schema, name}.Sanitize(), Key: pgx.Identifier{key}.Sanitize()}
		if changes != "" {
			t.Changes = pgx.Identifier{changes}.Sanitize()
		}
		for _, column := range columns {
			t.Columns = append(t.Columns, pgx.Identifier{column}.Sanitize())
		}
		return t, err
	})
	if err != nil {
		return nil, err
	}
	for i := range tables {
		if tables[i].Keys, err = sampleKeys(ctx, conn, tables[i]); err != nil {
			return nil, err
		}
	}
	return tables, nil
}

// sampleKeys takes keys from all over a table, not from its beginning alone.
func sampleKeys(ctx context.Context, conn *pgx.Conn, t sqltraffic.Table) ([]string, error) {
	rows, err := conn.Query(ctx, fmt.Sprintf(`SELECT %[1]s::text FROM %[2]s ORDER BY %[1]s LIMIT %[3]d`, t.Key, t.Quoted, keysSampled))
	if err != nil {
		return nil, err
	}
	first, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(first) < keysSampled {
		return first, err
	}
	rows, err = conn.Query(ctx, fmt.Sprintf(`SELECT k::text FROM (SELECT %[1]s AS k FROM %[2]s TABLESAMPLE SYSTEM (
		(SELECT least(100, 100.0 * 20 * %[3]d / greatest(reltuples, 1)) FROM pg_class WHERE oid = '%[2]s'::regclass)) ) s ORDER BY random() LIMIT %[3]d`,
		t.Key, t.Quoted, keysSampled))
	if err != nil {
		return nil, err
	}
	spread, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if len(spread) == 0 {
		return first, err
	}
	return spread, err
}
