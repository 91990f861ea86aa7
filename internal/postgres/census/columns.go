package census

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/parity"
	"understudy/internal/postgres"
)

// tablesAtOnce is of how many tables the statistics are read with one statement.
const tablesAtOnce = 100

// table is one whose statistics are read.
type table struct {
	schema, name string
	whole        bool    // partitioned: its statistics are of all partitions
	rows         float64 // as the server believes
	columns      []understudy.Column
	plain        []string // the columns that may be looked at by value
}

// readColumns reads the statistics of all columns.
func (p *pass) readColumns(tx pgx.Tx) error {
	kinds := []string{understudy.GapNulls, understudy.GapDistinct, understudy.GapCommon, understudy.GapHistogram, understudy.GapWidth}
	var tables []*table
	hidden, all := 0, 0
	err := p.attempt(tx, "columns with statistics", kinds, func(tx pgx.Tx) (err error) {
		tables, hidden, all, err = p.listColumns(tx)
		return err
	})
	if err != nil {
		return err
	}
	p.statisticsHidden(hidden, all)
	byName := map[string]*table{}
	for _, t := range tables {
		byName[t.schema+"."+t.name] = t
		plain := p.spec.Plain(t.columns)
		for _, c := range t.columns {
			if plain[c.Name] {
				t.plain = append(t.plain, c.Name)
			}
		}
	}
	p.taken.Columns = map[string]parity.Column{}
	for some := range slices.Chunk(tables, tablesAtOnce) {
		read := func(tx pgx.Tx) error { return p.readStatistics(tx, byName, some) }
		of := fmt.Sprintf("statistics of columns of %d tables from %s", len(some), some[0].columns[0].Table)
		if err := p.attempt(tx, of, nil, read); err != nil { // those of other tables are compared all the same
			return err
		}
	}
	return nil
}

// listColumns lists the columns, with how many are kept from the role. It opens no table.
func (p *pass) listColumns(tx pgx.Tx) (tables []*table, hidden, all int, err error) {
	rows, err := tx.Query(p.ctx, `
		SELECT n.nspname, c.relname, c.relkind = 'p', greatest(c.reltuples, 0)::float8, a.attname, format_type(a.atttypid, a.atttypmod), COALESCE(d.description, ''), a.attgenerated <> '',
			has_column_privilege(c.oid, a.attnum, 'SELECT')
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
		LEFT JOIN pg_description d ON d.classoid = 'pg_class'::regclass AND d.objoid = c.oid AND d.objsubid = a.attnum
		WHERE c.relkind IN ('r', 'p', 'm') AND c.relpersistence <> 't' AND `+postgres.OfUser+` AND `+postgres.NotOfExtension("pg_class", "c.oid")+`
		ORDER BY n.nspname, c.relname, a.attnum`)
	if err != nil {
		return nil, 0, 0, postgres.ReadError("reading the columns", err)
	}
	var t table
	var may bool
	c := understudy.Column{Nullable: true} // whether it may be NULL decides nothing here
	_, err = pgx.ForEachRow(rows, []any{&t.schema, &t.name, &t.whole, &t.rows, &c.Name, &c.Type, &c.Comment, &c.Generated, &may}, func() error {
		all++
		if !may {
			hidden++
			return nil
		}
		if last := len(tables) - 1; last < 0 || tables[last].name != t.name || tables[last].schema != t.schema {
			one := t
			tables = append(tables, &one)
		}
		c.Table = postgres.TableName(t.schema, t.name)
		last := tables[len(tables)-1]
		last.columns = append(last.columns, c)
		return nil
	})
	if err != nil {
		return nil, 0, 0, postgres.ReadError("reading the columns", err)
	}
	return tables, hidden, all, nil
}

// statisticsQuery reads what the last ANALYZE left of some tables ($1, in the schemas $4): the
// bounds of the columns that are named for a table ($2 and $3), and the lengths of the bounds
// of all others. It goes by the names that the view has: the server looks behind it for nothing else.
const statisticsQuery = `
	SELECT s.schemaname, s.tablename, s.attname, s.inherited, s.null_frac::float8, s.n_distinct::float8, s.avg_width::float8,
		COALESCE(s.most_common_freqs, '{}')::float8[], p.shown IS NULL OR s.attname <> ALL (p.shown::text[]),
		CASE WHEN s.attname = ANY (p.shown::text[]) THEN COALESCE(s.histogram_bounds::text, '{}')::text[] ELSE '{}' END,
		CASE WHEN s.attname = ANY (p.shown::text[]) THEN '{}' ELSE ARRAY(SELECT octet_length(b) FROM unnest(COALESCE(s.histogram_bounds::text, '{}')::text[]) b) END
	FROM pg_stats s LEFT JOIN unnest($2::text[], $3::text[]) p(name, shown) ON p.name = s.schemaname || '.' || s.tablename
	WHERE s.tablename = ANY ($1::name[]) AND s.schemaname = ANY ($4::name[])`

func (p *pass) readStatistics(tx pgx.Tx, tables map[string]*table, some []*table) error {
	var schemas, names, of, shown []string
	for _, t := range some {
		schemas, names = append(schemas, t.schema), append(names, t.name)
		if len(t.plain) > 0 {
			of, shown = append(of, t.schema+"."+t.name), append(shown, arrayOf(t.plain))
		}
	}
	rows, err := tx.Query(p.ctx, statisticsQuery, names, of, shown, slices.Compact(schemas))
	if err != nil {
		return postgres.ReadError("reading statistics", err)
	}
	var schema, name, column string
	var inherited bool
	var c parity.Column
	var bounds []string
	var lengths []int32
	into := []any{&schema, &name, &column, &inherited, &c.Nulls, &c.Distinct, &c.Width, &c.Common, &c.Masked, &bounds, &lengths}
	_, err = pgx.ForEachRow(rows, into, func() error {
		t := tables[schema+"."+name]
		if t == nil || t.whole != inherited || !slices.Contains(some, t) {
			return nil
		}
		one := c
		one.Rows, one.Common, one.Spread = t.rows, slices.Clone(c.Common), t.spread(column, bounds, lengths)
		p.taken.Columns[postgres.TableName(schema, name)+"."+postgres.PlainName(column)] = one
		return nil
	})
	if err != nil {
		return postgres.ReadError("reading statistics", err)
	}
	return nil
}

// spread is how a column's values are spread: by value where it was shown, else by length.
// Arrays have no order of their own that is worth comparing.
func (t *table) spread(column string, bounds []string, lengths []int32) parity.Spread {
	at := slices.IndexFunc(t.columns, func(c understudy.Column) bool { return c.Name == column })
	switch {
	case at < 0 || strings.HasSuffix(t.columns[at].Type, "[]"):
		return parity.Spread{}
	case slices.Contains(t.plain, column):
		return parity.SpreadOf(t.columns[at].Type, bounds)
	}
	return parity.LengthsOf(lengths)
}

// arrayOf is names as an array in the server's writing.
func arrayOf(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `"`
	}
	return "{" + strings.Join(quoted, ",") + "}"
}
