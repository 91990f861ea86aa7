package logical

import (
	"context"
	"strings"

	"understudy/internal/postgres"

	"github.com/jackc/pgx/v5"

	"understudy"
)

// copiedTable is one table that holds rows of its own: ordinary, inheriting, or a
// partition.
type copiedTable struct {
	schema, table string
	rules         string   // the table whose masks hold here: itself, or what it is a partition of
	columns       []string // without generated ones
	size          int64    // on the source's disk
	masks         []understudy.MaskFunc
	masked        []string
	rows, bytes   int64 // copied
}

func (t *copiedTable) name() string { return postgres.TableName(t.schema, t.table) }

func (t *copiedTable) quoted() string { return pgx.Identifier{t.schema, t.table}.Sanitize() }

// list is the table with the columns that are copied, as COPY names them.
func (t *copiedTable) list() string {
	if len(t.columns) == 0 {
		return t.quoted()
	}
	quoted := make([]string, len(t.columns))
	for i, column := range t.columns {
		quoted[i] = pgx.Identifier{column}.Sanitize()
	}
	return t.quoted() + " (" + strings.Join(quoted, ", ") + ")"
}

// decide lines the masks up with the columns.
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
}

// listTables finds the tables that hold rows.
func (c *copying) listTables(ctx context.Context) error {
	rows, err := c.moment.Tx.Query(ctx, `
		SELECT n.nspname, c.relname, rn.nspname, rc.relname, COALESCE(pg_table_size(c.oid), 0),
			ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0
				AND NOT a.attisdropped AND a.attgenerated = '' ORDER BY a.attnum)
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		JOIN pg_class rc ON rc.oid = CASE WHEN c.relispartition THEN pg_partition_root(c.oid) ELSE c.oid END
		JOIN pg_namespace rn ON rn.oid = rc.relnamespace
		WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND (c.relpersistence <> 'u' OR NOT pg_is_in_recovery())
		AND `+postgres.OfUser+` AND `+postgres.NotOfExtension("pg_class", "c.oid")+` ORDER BY 1, 2`)
	if err != nil {
		return postgres.ReadError("listing the tables", err)
	}
	c.tables, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (*copiedTable, error) {
		var t copiedTable
		var schema, table string
		err := row.Scan(&t.schema, &t.table, &schema, &table, &t.size, &t.columns)
		t.rules = postgres.TableName(schema, table)
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
	if _, err := c.moment.Tx.Exec(ctx, "LOCK TABLE "+strings.Join(quoted, ", ")+" IN ACCESS SHARE MODE"); err != nil {
		return postgres.ReadError("keeping the tables from being changed during the copy", err)
	}
	return nil
}
