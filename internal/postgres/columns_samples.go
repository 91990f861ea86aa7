package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// What sampling may cost: a table up to smallTable is read from its start to its end,
// of a bigger one about sampledBytes in random blocks. A value is cut at sampleLength
// characters: enough to tell what it is.
const (
	smallTable   = 2 << 20
	sampledBytes = 1 << 20
	sampleLength = 8192
)

// SampleTables gives every column its samples.
func SampleTables(ctx context.Context, tx pgx.Tx, tables []*DescribedTable, samples int) error {
	if samples <= 0 {
		return nil
	}
	for _, t := range tables {
		if len(t.Columns) == 0 {
			continue
		}
		if err := sampleRows(ctx, tx, t, samples); err != nil {
			return err
		}
		if t.bytes <= smallTable {
			continue
		}
		if err := sampleStatistics(ctx, tx, t, samples); err != nil {
			return err
		}
	}
	return nil
}

// sampleRows reads rows spread over the table and keeps what is distinct, per column.
func sampleRows(ctx context.Context, tx pgx.Tx, t *DescribedTable, samples int) error {
	places, err := t.places(ctx, tx)
	if err != nil {
		return err
	}
	list := make([]string, len(t.Columns))
	seen := make([]map[string]bool, len(t.Columns))
	for i, c := range t.Columns {
		list[i] = fmt.Sprintf("left(%s::text, %d)", pgx.Identifier{c.Name}.Sanitize(), sampleLength)
		seen[i] = map[string]bool{}
	}
	for _, place := range places {
		query := fmt.Sprintf("SELECT %s FROM %s%s", strings.Join(list, ", "), place, spread(t.bytes))
		rows, err := tx.Query(ctx, query, pgx.QueryExecModeExec)
		if err != nil {
			return ReadError("sampling "+t.Name(), err)
		}
		t.keepDistinct(rows, seen, samples)
		if err := rows.Err(); err != nil {
			return ReadError("sampling "+t.Name(), err)
		}
	}
	return nil
}

// keepDistinct takes from rows, until every column has its samples, and closes them.
func (t *DescribedTable) keepDistinct(rows pgx.Rows, seen []map[string]bool, samples int) {
	defer rows.Close()
	lacks := func(have map[string]bool) bool { return len(have) < samples }
	for slices.ContainsFunc(seen, lacks) && rows.Next() {
		for i, raw := range rows.RawValues() {
			if raw == nil || len(seen[i]) == samples || seen[i][string(raw)] {
				continue
			}
			value := string(raw)
			seen[i][value] = true
			t.Columns[i].Samples = append(t.Columns[i].Samples, value)
		}
	}
}

// places are what the table's rows are read from: the table, or its own partitions where
// some are foreign, as those lead to another server.
func (t *DescribedTable) places(ctx context.Context, tx pgx.Tx) ([]string, error) {
	if !t.partitioned {
		return []string{t.From()}, nil
	}
	rows, err := tx.Query(ctx, `
		SELECT format('%I.%I', n.nspname, c.relname), c.relkind = 'f'
		FROM pg_partition_tree($1::oid) p JOIN pg_class c ON c.oid = p.relid JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE p.isleaf AND c.relkind IN ('r', 'f') ORDER BY 1`, t.oid)
	if err != nil {
		return nil, ReadError("listing the partitions of "+t.Name(), err)
	}
	var own []string
	var name string
	var foreign, anyForeign bool
	if _, err := pgx.ForEachRow(rows, []any{&name, &foreign}, func() error {
		anyForeign = anyForeign || foreign
		if !foreign {
			own = append(own, name)
		}
		return nil
	}); err != nil {
		return nil, ReadError("listing the partitions of "+t.Name(), err)
	}
	if !anyForeign {
		return []string{t.From()}, nil
	}
	return own, nil
}

// spread is the clause that picks random blocks of a big table, and the same ones each
// time, so that a copy that was refused is refused again for the same reasons.
func spread(bytes int64) string {
	if bytes <= smallTable {
		return ""
	}
	return fmt.Sprintf(" TABLESAMPLE SYSTEM (%.6f) REPEATABLE (1)", 100*float64(sampledBytes)/float64(bytes))
}

// sampleStatistics fills columns in which no row that was read had a value from what
// the server remembers of the whole table since it was analysed.
func sampleStatistics(ctx context.Context, tx pgx.Tx, t *DescribedTable, samples int) error {
	for i, c := range t.Columns {
		if len(c.Samples) > 0 {
			continue
		}
		rows, err := tx.Query(ctx, `
			SELECT DISTINCT left(v, $4) FROM pg_stats s, LATERAL (
				SELECT unnest(s.most_common_vals::text::text[]) UNION ALL SELECT unnest(s.histogram_bounds::text::text[])) u(v)
			WHERE s.schemaname = $1 AND s.tablename = $2 AND s.attname = $3 AND v IS NOT NULL LIMIT $5`,
			t.schema, t.table, c.Name, sampleLength, samples)
		if err != nil {
			return ReadError("reading the statistics of "+c.String(), err)
		}
		if t.Columns[i].Samples, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
			return ReadError("reading the statistics of "+c.String(), err)
		}
	}
	return nil
}
