package alone

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

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

// tablesQuery lists the tables that have a primary key, with their columns, the largest
// first, and a column that the role may write: the key's first, where the server does not
// make its values always. Partitions are reached through their parent, and counted with it;
// pg_partition_tree lists no table that has none.
const tablesQuery = `
SELECT n.nspname, c.relname,
       (SELECT array_agg(a.attname ORDER BY a.attnum) FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND has_column_privilege($1, c.oid, a.attnum, 'SELECT')),
       (SELECT array_agg(a.attname ORDER BY k.place) FROM unnest(i.indkey::int2[]) WITH ORDINALITY k(attnum, place)
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum WHERE k.place <= i.indnkeyatts),
       COALESCE((SELECT a.attname FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attidentity <> 'a' AND a.attgenerated = ''
          AND has_column_privilege($1, c.oid, a.attnum, 'SELECT') AND has_column_privilege($1, c.oid, a.attnum, 'UPDATE')
        ORDER BY a.attnum <> i.indkey[0], a.attnum LIMIT 1), '')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname !~ '^pg_|^information_schema$'
  AND (SELECT bool_and(has_column_privilege($1, c.oid, k, 'SELECT')) FROM unnest(i.indkey::int2[]) k)
ORDER BY (SELECT sum(reltuples) FROM pg_class WHERE oid = c.oid OR oid IN (SELECT relid FROM pg_partition_tree(c.oid))) DESC, 1, 2 LIMIT 40`

// usual makes traffic from the schema: on each of the largest tables with a primary key,
// reading a row and changing one.
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
		var schema, name, changes string
		var columns, key []string
		err = row.Scan(&schema, &name, &columns, &key, &changes)
		t = sqltraffic.Table{Name: postgres.TableName(schema, name), Quoted: pgx.Identifier{schema, name}.Sanitize(), Columns: quoted(columns), Key: quoted(key)}
		if changes != "" {
			t.Changes = pgx.Identifier{changes}.Sanitize()
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

func quoted(columns []string) (all []string) {
	for _, column := range columns {
		all = append(all, pgx.Identifier{column}.Sanitize())
	}
	return all
}

// sampleKeys takes keys from all over a table, not from its beginning alone.
func sampleKeys(ctx context.Context, conn *pgx.Conn, t sqltraffic.Table) ([][]string, error) {
	key, texts := strings.Join(t.Key, ", "), strings.Join(t.Key, "::text, ")+"::text"
	first, err := rowsOfTexts(ctx, conn, fmt.Sprintf(`SELECT ARRAY[%s] FROM %s ORDER BY %s LIMIT %d`, texts, t.Quoted, key, keysSampled))
	if err != nil || len(first) < keysSampled {
		return first, err
	}
	spread, err := rowsOfTexts(ctx, conn, fmt.Sprintf(`SELECT ARRAY[%[1]s] FROM %[2]s TABLESAMPLE SYSTEM (
		(SELECT least(100, 100.0 * 20 * %[3]d / greatest(sum(reltuples), 1)) FROM pg_class WHERE oid = '%[4]s'::regclass OR oid IN (SELECT relid FROM pg_partition_tree('%[4]s')))) ORDER BY random() LIMIT %[3]d`,
		texts, t.Quoted, keysSampled, strings.ReplaceAll(t.Quoted, "'", "''")))
	if len(spread) == 0 {
		return first, err
	}
	return spread, err
}

func rowsOfTexts(ctx context.Context, conn *pgx.Conn, query string) ([][]string, error) {
	rows, err := conn.Query(ctx, query)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[[]string])
}
