package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"understudy"
)

// Large objects stand in no table of the user's: rules decide about the content of all of
// them by the name of a column, of type bytea.
const (
	LargeObjects    = "pg_catalog.pg_largeobject"
	LargeObjectData = "data"
)

// LargeObjectColumn is large objects as rules see them.
func LargeObjectColumn() understudy.Column {
	return understudy.Column{Table: LargeObjects, Name: LargeObjectData, Type: "bytea", Nullable: true,
		Comment: "content of the large objects"}
}

// Columns describes the columns of the user's tables, by table, in their order, each
// with up to samples distinct values spread over the table. A partitioned table is one
// table, partitions are not listed; an inheriting table is a table of its own. Where there
// are large objects [LargeObjects] is one of the tables, without samples.
//
// The samples are personal data: they are for deciding how a column is masked, in
// memory. Reading them needs SELECT on every table. Big tables are not read through:
// random blocks are, and the server's own statistics where those hold no value.
func Columns(ctx context.Context, conn *pgx.Conn, samples int) (map[string][]understudy.Column, error) {
	byTable := map[string][]understudy.Column{}
	err := reading(ctx, conn, "reading the columns", func(tx pgx.Tx) error {
		tables, err := DescribeTables(ctx, tx)
		if err != nil {
			return err
		}
		if err := SampleTables(ctx, tx, tables, samples); err != nil {
			return err
		}
		for _, t := range tables {
			byTable[t.Name()] = t.Columns
		}
		objects := false
		if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_largeobject_metadata)`).Scan(&objects); err != nil {
			return ReadError("looking for large objects", err)
		}
		if objects {
			byTable[LargeObjects] = []understudy.Column{LargeObjectColumn()}
		}
		return nil
	})
	return byTable, err
}

// DescribedTable is one table as rules see it: ordinary, or the root of a partitioned one.
type DescribedTable struct {
	oid           uint32
	schema, table string
	partitioned   bool
	bytes         int64
	Columns       []understudy.Column
}

// Name is schema.table, quoted where it must be.
func (t DescribedTable) Name() string { return TableName(t.schema, t.table) }

// Bytes is what its rows take on disk, as the catalog knows it.
func (t DescribedTable) Bytes() int64 { return t.bytes }

// From is the table as a query names it, without those that inherit from it.
func (t DescribedTable) From() string {
	named := pgx.Identifier{t.schema, t.table}.Sanitize()
	if t.partitioned {
		return named
	}
	return "ONLY " + named
}

const describeQuery = `
	SELECT c.oid, n.nspname, c.relname, c.relkind = 'p',
		CASE c.relkind WHEN 'p' THEN (SELECT COALESCE(sum(pg_relation_size(p.relid)), 0)::bigint FROM pg_partition_tree(c.oid) p WHERE p.isleaf)
			ELSE COALESCE(pg_relation_size(c.oid), 0) END,
		COALESCE(a.attname, ''), COALESCE(format_type(a.atttypid, a.atttypmod), ''), COALESCE(col_description(c.oid, a.attnum), ''),
		COALESCE(NOT a.attnotnull, false), COALESCE(a.attgenerated <> '', false),
		EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL
			AND i.indnkeyatts = 1 AND i.indkey[0] = a.attnum),
		COALESCE(r.nspname, ''), COALESCE(r.relname, ''), COALESCE(r.attname, '')
	FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
	LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
	LEFT JOIN LATERAL (
		SELECT rn.nspname, rc.relname, ra.attname
		FROM pg_constraint k JOIN pg_class rc ON rc.oid = k.confrelid JOIN pg_namespace rn ON rn.oid = rc.relnamespace
		JOIN pg_attribute ra ON ra.attrelid = k.confrelid AND ra.attnum = k.confkey[array_position(k.conkey, a.attnum)]
		WHERE k.conrelid = c.oid AND k.contype = 'f' AND k.conparentid = 0 AND a.attnum = ANY (k.conkey)
		ORDER BY cardinality(k.conkey), k.oid LIMIT 1) r ON true
	WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't' AND `

// DescribeTables lists the tables with their columns, without samples.
func DescribeTables(ctx context.Context, tx pgx.Tx) ([]*DescribedTable, error) {
	rows, err := tx.Query(ctx, describeQuery+OfUser+` AND `+NotOfExtension("pg_class", "c.oid")+` ORDER BY n.nspname, c.relname, a.attnum`)
	if err != nil {
		return nil, ReadError("reading the columns", err)
	}
	defer rows.Close()
	var tables []*DescribedTable
	for rows.Next() {
		var t DescribedTable
		var c understudy.Column
		var toSchema, toTable, toColumn string
		if err := rows.Scan(&t.oid, &t.schema, &t.table, &t.partitioned, &t.bytes, &c.Name, &c.Type, &c.Comment,
			&c.Nullable, &c.Generated, &c.Unique, &toSchema, &toTable, &toColumn); err != nil {
			return nil, ReadError("reading the columns", err)
		}
		if len(tables) == 0 || tables[len(tables)-1].oid != t.oid {
			tables = append(tables, &t)
		}
		if c.Name == "" { // a table without columns
			continue
		}
		c.Table = t.Name()
		if toColumn != "" {
			c.References = TableName(toSchema, toTable) + "." + toColumn
		}
		last := tables[len(tables)-1]
		last.Columns = append(last.Columns, c)
	}
	if err := rows.Err(); err != nil {
		return nil, ReadError("reading the columns", err)
	}
	return tables, describeAllowed(ctx, tx, tables)
}
