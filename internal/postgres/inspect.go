package postgres

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"understudy"
)

// Schema is everything that is known of a database besides its rows, as facts that
// can be compared, kept and read. It holds no data and no secret.
type Schema struct {
	// Lines are the facts, sorted: "object: definition", one line each.
	Lines []string `json:"lines"`
	// Digest is of the lines. Two databases with the same facts have the same digest.
	Digest understudy.Digest `json:"digest"`
	// Order is the order of each table's columns. It is no fact: adding a column and
	// taking it back leaves the order of a rebuilt table different and nothing else.
	Order map[string][]string `json:"order"`
}

// oldestMajor is the oldest major version whose catalogs are understood.
const oldestMajor = 12

// Inspect reads the schema that a connection is connected to: schemas, tables,
// columns, constraints, indexes, views, functions, triggers, sequences, types,
// extensions, owners, grants, policies, comments, publications and settings.
// What belongs to an extension is left to the extension's version.
//
// It needs no right but to connect. The connection must be outside a transaction; it is
// left as it was. Server settings that the program does not know are named without
// their value, as teams keep secrets there.
func Inspect(ctx context.Context, conn *pgx.Conn) (Schema, error) {
	var schema Schema
	err := reading(ctx, conn, "inspecting the schema", func(tx pgx.Tx) error {
		var err error
		schema, err = inspect(ctx, tx)
		return err
	})
	return schema, err
}

func inspect(ctx context.Context, tx pgx.Tx) (Schema, error) {
	major, err := MajorOf(ctx, tx)
	if err != nil {
		return Schema{}, err
	}
	var lines []string
	for _, f := range facts() {
		if major < f.since {
			continue
		}
		found, err := collect(ctx, tx, f)
		if err != nil {
			return Schema{}, err
		}
		lines = append(lines, found...)
	}
	slices.Sort(lines)
	order, err := columnOrder(ctx, tx)
	return Schema{
		Lines:  lines,
		Digest: understudy.DigestOf([]byte(strings.Join(lines, "\n"))),
		Order:  order,
	}, err
}

func collect(ctx context.Context, tx pgx.Tx, f fact) ([]string, error) {
	rows, err := tx.Query(ctx, f.query)
	if err != nil {
		return nil, ReadError("reading "+f.of, err)
	}
	lines, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
		var object, definition string
		err := row.Scan(&object, &definition)
		return oneLine(object) + ": " + oneLine(definition), err
	})
	if err != nil {
		return nil, ReadError("reading "+f.of, err)
	}
	return lines, nil
}

func columnOrder(ctx context.Context, tx pgx.Tx) (map[string][]string, error) {
	rows, err := tx.Query(ctx, `
		SELECT n.nspname, c.relname, array_agg(a.attname::text ORDER BY a.attnum)
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
		WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND `+OfUser+` AND `+NotOfExtension("pg_class", "c.oid")+`
		GROUP BY 1, 2`)
	if err != nil {
		return nil, ReadError("reading the order of columns", err)
	}
	order := map[string][]string{}
	var schema, table string
	var columns []string
	_, err = pgx.ForEachRow(rows, []any{&schema, &table, &columns}, func() error {
		order[TableName(schema, table)] = slices.Clone(columns)
		return nil
	})
	if err != nil {
		return nil, ReadError("reading the order of columns", err)
	}
	return order, nil
}

// oneLine makes a definition one line: an indented new line of SQL becomes a space,
// and one inside a quoted text is written \n, as there it is part of the value.
func oneLine(definition string) string {
	if !strings.ContainsAny(definition, "\n\r") {
		return definition
	}
	var b strings.Builder
	quoted, indent := false, false
	for _, r := range definition {
		switch {
		case r == '\n' && quoted:
			b.WriteString(`\n`)
		case r == '\r' && quoted:
			b.WriteString(`\r`)
		case r == '\n' || r == '\r' || indent && (r == ' ' || r == '\t'):
			if !indent {
				b.WriteByte(' ')
			}
			indent = true
		default:
			indent = false
			quoted = quoted != (r == '\'')
			b.WriteRune(r)
		}
	}
	return strings.TrimSpace(b.String())
}

// SchemaChange is one difference between two schemas, for people.
type SchemaChange struct {
	Change string `json:"change"` // "added", "removed", "changed"
	Object string `json:"object"` // "column public.orders.total"
	Was    string `json:"was,omitempty"`
	Is     string `json:"is,omitempty"`
}

// Diff lists what changes from a to b, sorted by object.
func (a Schema) Diff(b Schema) []SchemaChange {
	before, after := byObject(a.Lines), byObject(b.Lines)
	var changes []SchemaChange
	for object, was := range before {
		is, has := after[object]
		switch {
		case !has:
			changes = append(changes, SchemaChange{"removed", object, was, ""})
		case was != is:
			changes = append(changes, SchemaChange{"changed", object, was, is})
		}
	}
	for object, is := range after {
		if _, had := before[object]; !had {
			changes = append(changes, SchemaChange{"added", object, "", is})
		}
	}
	slices.SortFunc(changes, func(x, y SchemaChange) int { return cmp.Compare(x.Object, y.Object) })
	return changes
}

func byObject(lines []string) map[string]string {
	out := make(map[string]string, len(lines))
	for _, line := range lines {
		object, definition := cutFact(line)
		out[object] = definition
	}
	return out
}

// cutFact splits a line at its first ": " that stands outside a quoted name.
func cutFact(line string) (object, definition string) {
	quoted := false
	for i := 0; i+1 < len(line); i++ {
		switch {
		case line[i] == '"':
			quoted = !quoted
		case line[i] == ':' && line[i+1] == ' ' && !quoted:
			return line[:i], line[i+2:]
		}
	}
	return line, ""
}
