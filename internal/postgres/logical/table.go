package logical

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"understudy"
	"understudy/internal/postgres"
)

// copiedTable is one table that holds rows of its own: ordinary, inheriting, or a
// partition.
type copiedTable struct {
	schema, table string
	rules         string   // the table whose masks hold here: itself, or what it is a partition of
	columns       []string // without generated ones
	types         []string // of the columns: the base of a domain, "enum" for an enumeration, "" for what is not the server's own
	size          int64    // on the source's disk
	pages         int64    // of its heap, without what is kept outside of rows; 0: it is no heap
	earlier       bool     // its rows come from the earlier copy, as they are
	masks         []understudy.MaskFunc
	batches       []understudy.BatchMask
	masked        []string
	codec         codec
	rows, bytes   int64 // copied
}

func (t *copiedTable) name() string { return postgres.TableName(t.schema, t.table) }

func (t *copiedTable) quoted() string { return pgx.Identifier{t.schema, t.table}.Sanitize() }

// list is the columns that are copied, as a query names them.
func (t *copiedTable) list() string {
	quoted := make([]string, len(t.columns))
	for i, column := range t.columns {
		quoted[i] = pgx.Identifier{column}.Sanitize()
	}
	return strings.Join(quoted, ", ")
}

// behind is what a COPY says of the table: its name and columns.
func (t *copiedTable) behind() string {
	if len(t.columns) == 0 {
		return t.quoted()
	}
	return t.quoted() + " (" + t.list() + ")"
}

// readAll is the statement that reads the rows of a choice, in the table's order.
func (t *copiedTable) readAll(choice Choice) string {
	if choice.Where == "" {
		return "COPY " + t.behind() + " TO STDOUT" + t.with()
	}
	return "COPY (SELECT " + t.list() + " FROM ONLY " + t.quoted() + " WHERE " + choice.Where + ") TO STDOUT" + t.with()
}

// samplePages is how many random pages of a large table a few rows are taken from.
const samplePages = 200

// readSome is the statement that reads a few of those rows, from pages all over the table.
func (t *copiedTable) readSome(choice Choice, rows int) string {
	query := "SELECT " + t.list() + " FROM ONLY " + t.quoted()
	if pages := t.size / 8192; pages > 2*samplePages {
		query += fmt.Sprintf(" TABLESAMPLE SYSTEM (%.6f)", 100*float64(samplePages)/float64(pages))
	}
	if choice.Where != "" {
		query += " WHERE " + choice.Where
	}
	return fmt.Sprintf("COPY (%s LIMIT %d) TO STDOUT%s", query, rows, t.with())
}

// write is the statement that writes rows.
func (t *copiedTable) write(options ...string) string {
	return "COPY " + t.behind() + " FROM STDIN" + t.with(options...)
}

func (t *copiedTable) with(options ...string) string {
	if _, isBinary := t.codec.(binaryCodec); isBinary {
		options = append([]string{"FORMAT binary"}, options...)
	}
	if len(options) == 0 {
		return ""
	}
	return " WITH (" + strings.Join(options, ", ") + ")"
}

// decide lines the masks up with the columns, and chooses the format: binary, if the
// binary form of every type is the same on both servers and its text form of every
// masked one is known here. Rows of an earlier copy are masked already.
func (t *copiedTable) decide(chosen understudy.TableMasks) {
	for i, column := range t.columns {
		mask, found := chosen.Columns[column]
		if !found {
			continue
		}
		if t.masks == nil {
			t.masks = make([]understudy.MaskFunc, len(t.columns))
		}
		t.masks[i] = mask.Apply
		t.masked = append(t.masked, column)
	}
	for _, batch := range chosen.Batches {
		t.batches = append(t.batches, batch)
		t.masked = append(t.masked, batch.Columns...)
	}
	if t.earlier {
		t.masks, t.batches = nil, nil
	}
	t.codec = textCodec{}
	forms := make([]binaryForm, len(t.columns))
	for i, typeName := range t.types {
		form, alike := formOf(typeName)
		if !alike || form == formForeign && slices.Contains(t.masked, t.columns[i]) {
			return
		}
		forms[i] = form
	}
	t.codec = binaryCodec{forms}
}

// listTables finds the tables that hold rows.
func (c *copying) listTables(ctx context.Context) error {
	rows, err := c.moment.Tx.Query(ctx, `
		SELECT n.nspname, c.relname, rn.nspname, rc.relname, COALESCE(pg_table_size(c.oid), 0),
			CASE WHEN am.amname = 'heap' THEN COALESCE(pg_relation_size(c.oid), 0) / current_setting('block_size')::int ELSE 0 END, COALESCE(col.names, '{}'), COALESCE(col.types, '{}')
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_am am ON am.oid = c.relam
		JOIN pg_class rc ON rc.oid = CASE WHEN c.relispartition THEN pg_partition_root(c.oid) ELSE c.oid END
		JOIN pg_namespace rn ON rn.oid = rc.relnamespace
		LEFT JOIN LATERAL (
			SELECT array_agg(a.attname::text ORDER BY a.attnum) AS names,
				array_agg(CASE WHEN b.typtype = 'e' THEN 'enum' WHEN b.typnamespace = 'pg_catalog'::regnamespace THEN b.typname::text ELSE '' END ORDER BY a.attnum) AS types
			FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
			JOIN pg_type b ON b.oid = CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END
			WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '') col ON true
		WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND (c.relpersistence <> 'u' OR NOT pg_is_in_recovery())
		AND `+postgres.OfUser+` AND `+postgres.NotOfExtension("pg_class", "c.oid")+` ORDER BY 1, 2`)
	if err != nil {
		return postgres.ReadError("listing the tables", err)
	}
	c.tables, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (*copiedTable, error) {
		var t copiedTable
		var schema, table string
		err := row.Scan(&t.schema, &t.table, &schema, &table, &t.size, &t.pages, &t.columns, &t.types)
		t.rules = postgres.TableName(schema, table)
		t.earlier = c.spec.Earlier.Has(t.schema, t.table)
		return &t, err
	})
	if err != nil {
		return postgres.ReadError("listing the tables", err)
	}
	return nil
}

// lockTables keeps the tables from being changed or emptied under the copy: a snapshot
// does not protect from that. The mode is the one every SELECT takes.
func (c *copying) lockTables(ctx context.Context) error {
	if len(c.tables) == 0 {
		return nil
	}
	quoted := make([]string, len(c.tables))
	for i, t := range c.tables {
		quoted[i] = "ONLY " + t.quoted()
	}
	const doing = "keeping the tables from being changed during the copy"
	_, err := c.moment.Tx.Exec(ctx, "LOCK TABLE "+strings.Join(quoted, ", ")+" IN ACCESS SHARE MODE")
	answer := new(pgconn.PgError)
	switch {
	case errors.As(err, &answer) && answer.Code == "53200":
		return understudy.Errorf(understudy.KindUnavailable, "%s: the source's table of locks is too small for %d tables", doing, len(c.tables)).
			WithHint("raise max_locks_per_transaction on the source, so that times max_connections it is above %d, and restart it; or copy from a replica that has it higher", 2*len(c.tables))
	case errors.As(err, &answer) && answer.Code == "42P01":
		return understudy.Errorf(understudy.KindConflict, "%s: one of them was dropped meanwhile: %s", doing, postgres.SafeMessage(answer)).
			WithHint("a schema change is under way on the source; copy again when it is done")
	case err != nil:
		return postgres.ReadError(doing, err)
	}
	return c.checkUnchanged(ctx)
}
