package census

import (
	"slices"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/parity"
	"understudy/internal/postgres"
)

// tablesAtOnce is of how many tables the statistics are read with one statement.
const tablesAtOnce = 200

// table is one whose statistics are read, with the columns that may be looked at by value.
type table struct {
	oid     uint32
	columns []understudy.Column
	numbers []int16
	plain   []int16
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
	for _, t := range tables {
		plain := p.spec.Plain(t.columns)
		for i, c := range t.columns {
			if plain[c.Name] {
				t.plain = append(t.plain, t.numbers[i])
			}
		}
	}
	p.taken.Columns = map[string]parity.Column{}
	for some := range slices.Chunk(tables, tablesAtOnce) {
		if err := p.attempt(tx, "statistics of columns", kinds, func(tx pgx.Tx) error { return p.readStatistics(tx, some) }); err != nil {
			return err
		}
	}
	return nil
}

// listColumns lists the columns, with how many are kept from the role. It opens no table.
func (p *pass) listColumns(tx pgx.Tx) (tables []*table, hidden, all int, err error) {
	rows, err := tx.Query(p.ctx, `
		SELECT c.oid, n.nspname, c.relname, a.attname, a.attnum, format_type(a.atttypid, a.atttypmod), COALESCE(d.description, ''), a.attgenerated <> '',
			has_column_privilege(c.oid, a.attnum, 'SELECT')
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
		LEFT JOIN pg_description d ON d.classoid = 'pg_class'::regclass AND d.objoid = c.oid AND d.objsubid = a.attnum
		WHERE c.relkind IN ('r', 'p', 'm') AND c.relpersistence <> 't' AND `+postgres.OfUser+` AND `+postgres.NotOfExtension("pg_class", "c.oid")+`
		ORDER BY c.oid, a.attnum`)
	if err != nil {
		return nil, 0, 0, postgres.ReadError("reading the columns", err)
	}
	var oid uint32
	var schema, name string
	var number int16
	var may bool
	c := understudy.Column{Nullable: true} // whether it may be NULL decides nothing here
	_, err = pgx.ForEachRow(rows, []any{&oid, &schema, &name, &c.Name, &number, &c.Type, &c.Comment, &c.Generated, &may}, func() error {
		all++
		if !may {
			hidden++
			return nil
		}
		if len(tables) == 0 || tables[len(tables)-1].oid != oid {
			tables = append(tables, &table{oid: oid})
		}
		c.Table = postgres.TableName(schema, name)
		last := tables[len(tables)-1]
		last.columns, last.numbers = append(last.columns, c), append(last.numbers, number)
		return nil
	})
	if err != nil {
		return nil, 0, 0, postgres.ReadError("reading the columns", err)
	}
	return tables, hidden, all, nil
}

// statisticsQuery reads what the last ANALYZE left of some tables ($1), of a partitioned one that
// of the whole: the bounds of the columns that are named ($2 and $3), and the lengths of
// the bounds of all others.
const statisticsQuery = `
	SELECT n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod), greatest(c.reltuples, 0)::float8,
		s.null_frac::float8, s.n_distinct::float8, s.avg_width::float8, COALESCE(s.most_common_freqs, '{}')::float8[], p.oid IS NULL,
		CASE WHEN t.typcategory <> 'A' AND p.oid IS NOT NULL THEN COALESCE(s.histogram_bounds::text, '{}')::text[] ELSE '{}' END,
		CASE WHEN t.typcategory <> 'A' AND p.oid IS NULL
			THEN ARRAY(SELECT octet_length(b) FROM unnest(COALESCE(s.histogram_bounds::text, '{}')::text[]) b) ELSE '{}' END
	FROM unnest($1::oid[]) o(oid)
	JOIN pg_class c ON c.oid = o.oid JOIN pg_namespace n ON n.oid = c.relnamespace
	JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_type t ON t.oid = a.atttypid
	JOIN pg_stats s ON s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = a.attname AND s.inherited = (c.relkind = 'p')
	LEFT JOIN unnest($2::oid[], $3::int2[]) p(oid, number) ON p.oid = c.oid AND p.number = a.attnum`

func (p *pass) readStatistics(tx pgx.Tx, tables []*table) error {
	var all, of []uint32
	var plain []int16
	for _, t := range tables {
		all = append(all, t.oid)
		for _, number := range t.plain {
			of, plain = append(of, t.oid), append(plain, number)
		}
	}
	rows, err := tx.Query(p.ctx, statisticsQuery, all, of, plain)
	if err != nil {
		return postgres.ReadError("reading statistics", err)
	}
	var schema, name, column, columnType string
	var c parity.Column
	var bounds []string
	var lengths []int32
	into := []any{&schema, &name, &column, &columnType, &c.Rows, &c.Nulls, &c.Distinct, &c.Width, &c.Common, &c.Masked, &bounds, &lengths}
	_, err = pgx.ForEachRow(rows, into, func() error {
		one := c
		one.Common, one.Spread = slices.Clone(c.Common), parity.SpreadOf(columnType, bounds)
		if c.Masked {
			one.Spread = parity.LengthsOf(lengths)
		}
		p.taken.Columns[postgres.TableName(schema, name)+"."+postgres.PlainName(column)] = one
		return nil
	})
	if err != nil {
		return postgres.ReadError("reading statistics", err)
	}
	return nil
}
