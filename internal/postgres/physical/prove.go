package physical

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/postgres"
)

// prove tries the rules between tables that masked values could break, and sees to it that
// no index stayed behind.
func (c *copying) prove(ctx context.Context) error {
	return c.within(ctx, c.spec.Database, func(conn *pgx.Conn) error {
		if err := c.proveReferences(ctx, conn); err != nil {
			return err
		}
		unusable, err := texts(ctx, conn, "looking for unusable indexes in the copy", `
			SELECT i.indexrelid::regclass::text FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid WHERE x.relkind = 'i' AND i.indexrelid = ANY ($1)
			AND NOT (i.indisvalid AND i.indisready AND i.indislive)`, c.asideOIDs())
		if err != nil {
			return err
		}
		if len(unusable) > 0 {
			return understudy.Errorf(understudy.KindInternal, "the copy is not whole: indexes were not built again: %s", strings.Join(unusable, ", "))
		}
		return c.verifyStructure(ctx, conn)
	})
}

func (c *copying) asideOIDs() []uint32 {
	var oids []uint32
	for _, i := range c.aside {
		oids = append(oids, i.oid)
	}
	return oids
}

// proveTable reads a table once: how many rows and masked values queries see there, against
// what was masked, and whether each keeps the table's rules.
func (c *copying) proveTable(ctx context.Context, conn *pgx.Conn, t *table) error {
	doing := "counting " + t.name() + " in the copy"
	wanted := []string{"count(*)"}
	values := []string{"0"}
	for _, name := range quoteAll(t.masked(), "") {
		values = append(values, "count("+name+")")
	}
	wanted = append(wanted, strings.Join(values, " + "))
	names, broken, err := t.rulesOf(ctx, conn, c.from.Major)
	if err != nil {
		return err
	}
	wanted = append(wanted, broken...)
	counts := make([]int64, len(wanted))
	into := make([]any, len(wanted))
	for i := range counts {
		into[i] = &counts[i]
	}
	if err := conn.QueryRow(ctx, fmt.Sprintf("SELECT %s FROM ONLY %s", strings.Join(wanted, ", "), t.quoted())).Scan(into...); err != nil {
		return postgres.ReadError(doing, err)
	}
	t.rows = counts[0]
	for i, count := range counts[2:] {
		if count > 0 && names[i] != "" {
			return understudy.Errorf(understudy.KindInvalid, "%d rows of %s break %s after they were masked", count, t.name(), names[i]).
				WithHint("choose a mask that keeps the column's form; masked here: %s", strings.Join(t.masked(), ", "))
		}
	}
	return t.proveCount(counts[1])
}

// proveCount holds the values that queries see against those that were masked in place:
// at least the ones that were surely seen then, at most all of them.
func (t *table) proveCount(seen int64) error {
	if t.why != "" || len(t.left) > 0 {
		return nil // written anew by rows: every row that is there went through
	}
	if seen < t.tally.Certain || seen > t.tally.Values {
		return understudy.Errorf(understudy.KindInternal, "masking %s in place: queries see %d values of masked columns, and from %d to %d were masked",
			t.name(), seen, t.tally.Certain, t.tally.Values)
	}
	return nil
}

// rulesOf lists what masked values could break, with what counts the rows that do: checks,
// the bounds of a partition, and domains, which raise an error themselves.
func (t *table) rulesOf(ctx context.Context, conn *pgx.Conn, major int) (names, broken []string, err error) {
	var masked []int16
	for _, k := range t.columns {
		if k.dropped || !t.isMasked(k.name) {
			continue
		}
		masked = append(masked, int16(k.number))
		if k.domain {
			names = append(names, "")
			broken = append(broken, fmt.Sprintf("count((%s::text)::%s)", pgx.Identifier{k.name}.Sanitize(), k.kind))
		}
	}
	if len(masked) == 0 {
		return nil, nil, nil
	}
	rows, err := conn.Query(ctx, `
		SELECT 'check ' || k.conname, pg_get_expr(k.conbin, k.conrelid) FROM pg_constraint k
		WHERE k.conrelid = $1 AND k.contype = 'c' AND k.convalidated AND k.conkey && $2::int2[]
		UNION ALL SELECT 'the bounds of the partition', pg_get_partition_constraintdef($1::oid) WHERE pg_get_partition_constraintdef($1::oid) IS NOT NULL`, t.oid, masked)
	if err != nil {
		return nil, nil, postgres.ReadError("reading the rules of "+t.name(), err)
	}
	var name, expression string
	_, err = pgx.ForEachRow(rows, []any{&name, &expression}, func() error {
		names = append(names, name)
		broken = append(broken, "count(*) FILTER (WHERE NOT ("+expression+"))")
		return nil
	})
	if err != nil {
		return nil, nil, postgres.ReadError("reading the rules of "+t.name(), err)
	}
	return names, broken, nil
}

// proveReferences tries every foreign key with a masked column on one of its ends.
func (c *copying) proveReferences(ctx context.Context, conn *pgx.Conn) error {
	const doing = "trying the foreign keys of the copy"
	rules := map[string][]string{}
	for _, t := range c.tables {
		rules[t.rules] = append(rules[t.rules], t.masked()...)
	}
	rows, err := conn.Query(ctx, `
		SELECT k.conname, n.nspname, c.relname, rn.nspname, rc.relname,
			ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY u(n, o) JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.n ORDER BY u.o),
			ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY u(n, o) JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.n ORDER BY u.o),
			ARRAY(SELECT format('OPERATOR(%I.%s)', on_.nspname, o.oprname) FROM unnest(k.conpfeqop) WITH ORDINALITY u(p, o) JOIN pg_operator o ON o.oid = u.p
				JOIN pg_namespace on_ ON on_.oid = o.oprnamespace ORDER BY u.o)
		FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
		JOIN pg_class rc ON rc.oid = k.confrelid JOIN pg_namespace rn ON rn.oid = rc.relnamespace
		WHERE k.contype = 'f' AND k.convalidated AND k.conparentid = 0 ORDER BY 1`)
	if err != nil {
		return postgres.ReadError(doing, err)
	}
	keys, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (k reference, err error) {
		err = row.Scan(&k.name, &k.schema, &k.table, &k.toSchema, &k.toTable, &k.columns, &k.toColumns, &k.equal)
		return k, err
	})
	if err != nil {
		return postgres.ReadError(doing, err)
	}
	for _, k := range keys {
		if !k.concerns(rules) {
			continue
		}
		var broken bool
		if err := conn.QueryRow(ctx, k.query()).Scan(&broken); err != nil {
			return postgres.ReadError(doing, err)
		}
		if broken {
			return understudy.Errorf(understudy.KindInvalid, "rows of %s refer to nothing after they were masked: foreign key %s", postgres.TableName(k.schema, k.table), k.name).
				WithHint("a column and the one it refers to have to be masked by the same rule")
		}
	}
	return nil
}

// reference is a foreign key.
type reference struct {
	name, schema, table, toSchema, toTable string
	columns, toColumns, equal              []string
}

func (k reference) concerns(masked map[string][]string) bool {
	concerns := func(table string, columns []string) bool {
		for _, column := range columns {
			for _, one := range masked[table] {
				if one == column {
					return true
				}
			}
		}
		return false
	}
	return concerns(postgres.TableName(k.schema, k.table), k.columns) || concerns(postgres.TableName(k.toSchema, k.toTable), k.toColumns)
}

// query asks whether a row refers to one that is not there.
func (k reference) query() string {
	var same, there []string
	for i := range k.columns {
		from, to := pgx.Identifier{k.columns[i]}.Sanitize(), pgx.Identifier{k.toColumns[i]}.Sanitize()
		same = append(same, fmt.Sprintf("p.%s %s f.%s", to, k.equal[i], from))
		there = append(there, "f."+from+" IS NOT NULL")
	}
	return fmt.Sprintf("SELECT EXISTS (SELECT FROM %s f WHERE %s AND NOT EXISTS (SELECT FROM %s p WHERE %s))",
		pgx.Identifier{k.schema, k.table}.Sanitize(), strings.Join(there, " AND "), pgx.Identifier{k.toSchema, k.toTable}.Sanitize(), strings.Join(same, " AND "))
}
