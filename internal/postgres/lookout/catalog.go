package lookout

import (
	"cmp"
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"understudy/internal/postgres"
)

// Relation is a table, or something like one, that was there before the migration.
type Relation struct {
	Name string `json:"name"` // schema.table
	Kind string `json:"kind"`
	Of   string `json:"of,omitempty"` // the table of an index, the partitioned table of a partition
}

const relationsQuery = `
SELECT c.oid, n.nspname, c.relname, c.relkind::text, COALESCE(tn.nspname, ''), COALESCE(t.relname, '')
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
LEFT JOIN pg_catalog.pg_class t ON t.oid = CASE WHEN c.relkind IN ('i', 'I') THEN i.indrelid WHEN c.relispartition THEN pg_catalog.pg_partition_root(c.oid) END
LEFT JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
WHERE c.oid >= 16384 AND n.nspname !~ '^pg_(toast|temp)' AND c.relkind <> 'c'`

func (l *Lookout) relations(ctx context.Context) (map[uint32]Relation, error) {
	rows, err := l.conn.Query(ctx, relationsQuery, pgx.QueryExecModeExec)
	if err != nil {
		return nil, err
	}
	words := map[string]string{"r": "table", "p": "partitioned table", "i": "index", "I": "partitioned index",
		"m": "materialized view", "S": "sequence", "v": "view", "f": "foreign table"}
	found := map[uint32]Relation{}
	var oid uint32
	var schema, table, kind, ofSchema, of string
	_, err = pgx.ForEachRow(rows, []any{&oid, &schema, &table, &kind, &ofSchema, &of}, func() error {
		r := Relation{Name: postgres.TableName(schema, table), Kind: cmp.Or(words[kind], kind)}
		if of != "" {
			r.Of = postgres.TableName(ofSchema, of)
		}
		found[oid] = r
		return nil
	})
	return found, err
}

func (l *Lookout) invalidIndexes(ctx context.Context) ([]string, error) {
	rows, err := l.conn.Query(ctx, `
		SELECT n.nspname, c.relname FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE NOT i.indisvalid AND c.relkind = 'i' AND n.nspname !~ '^pg_toast'`, pgx.QueryExecModeExec)
	if err != nil {
		return nil, err
	}
	var found []string
	var schema, index string
	_, err = pgx.ForEachRow(rows, []any{&schema, &index}, func() error {
		found = append(found, postgres.TableName(schema, index))
		return nil
	})
	return found, err
}

// Invalid lists the indexes that are invalid and were not before.
func (l *Lookout) Invalid(ctx context.Context) (names []string, err error) {
	err = l.bounded(ctx, lookFor, func(ctx context.Context) error {
		now, err := l.invalidIndexes(ctx)
		names = slices.DeleteFunc(now, func(name string) bool { return slices.Contains(l.before.Invalid, name) })
		return err
	})
	slices.Sort(names)
	return names, err
}
