package physical

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/postgres"
)

// decide asks for the masks of every table of the copy, chooses how each is masked, and
// sets the indexes aside that will not be true any more.
func (c *copying) decide(ctx context.Context) error {
	return c.within(ctx, c.spec.Database, func(conn *pgx.Conn) error {
		if err := c.listTables(ctx, conn); err != nil {
			return err
		}
		if err := c.listColumns(ctx, conn); err != nil {
			return err
		}
		if err := c.chooseMasks(ctx, conn); err != nil {
			return err
		}
		var encoding string
		if err := conn.QueryRow(ctx, `SELECT current_setting('server_encoding')`).Scan(&encoding); err != nil {
			return postgres.ReadError("reading the encoding of the copy", err)
		}
		for _, t := range c.tables {
			t.choose(encoding)
			if t.method != "heap" && (t.dropped || len(t.masked()) > 0) {
				return understudy.Errorf(understudy.KindUnavailable, "table %s keeps its rows by the access method %s, whose files are not understood", t.name(), t.method).
					WithHint("copy by rows: --method logical")
			}
			if t.extension != "" && len(t.masked()) == 0 {
				c.spec.Notice(fmt.Sprintf("table %s belongs to extension %s and came along as it is", t.name(), t.extension))
			}
		}
		return c.setAside(ctx, conn)
	})
}

func (c *copying) listTables(ctx context.Context, conn *pgx.Conn) error {
	const doing = "listing the tables of the copy"
	rows, err := conn.Query(ctx, `
		SELECT c.oid, n.nspname, c.relname, rn.nspname, rc.relname, pg_relation_filepath(c.oid), COALESCE(x.extname, ''),
			CASE WHEN c.reltoastrelid <> 0 AND pg_relation_size(c.reltoastrelid) > 0 THEN c.reltoastrelid::regclass::text ELSE '' END,
			COALESCE(m.amname, 'heap'), EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attisdropped)
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		JOIN pg_class rc ON rc.oid = CASE WHEN c.relispartition THEN pg_partition_root(c.oid) ELSE c.oid END
		JOIN pg_namespace rn ON rn.oid = rc.relnamespace
		LEFT JOIN pg_am m ON m.oid = c.relam
		LEFT JOIN pg_depend e ON e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e'
		LEFT JOIN pg_extension x ON x.oid = e.refobjid
		WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND `+postgres.OfUser+` ORDER BY 2, 3`)
	if err != nil {
		return postgres.ReadError(doing, err)
	}
	c.tables, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (*table, error) {
		var t table
		var schema, root string
		err := row.Scan(&t.oid, &t.schema, &t.table, &schema, &root, &t.path, &t.extension, &t.toast, &t.method, &t.dropped)
		t.rules = postgres.TableName(schema, root)
		return &t, err
	})
	if err != nil {
		return postgres.ReadError(doing, err)
	}
	return nil
}

// baseTypes finds of every type what it is in the end: a domain's own domains end at a
// type that stores.
const baseTypes = `
	WITH RECURSIVE base(typ, found, domain) AS (
		SELECT oid, oid, false FROM pg_type WHERE typtype <> 'd'
		UNION ALL SELECT t.oid, b.found, true FROM pg_type t JOIN base b ON b.typ = t.typbasetype WHERE t.typtype = 'd')`

func (c *copying) listColumns(ctx context.Context, conn *pgx.Conn) error {
	const doing = "listing the columns of the copy"
	rows, err := conn.Query(ctx, baseTypes+`
		SELECT a.attrelid, a.attnum, a.attname, COALESCE(format_type(a.atttypid, a.atttypmod), ''), COALESCE(y.typname, ''),
			COALESCE(CASE WHEN y.typcategory = 'A' THEN e.typname END, ''), a.attlen, a.attalign::text, a.attisdropped,
			a.attgenerated = 's', a.atthasmissing, a.atttypmod >= 0 OR COALESCE(b.domain, false), NOT a.attnotnull, COALESCE(b.domain, false)
		FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
		LEFT JOIN base b ON b.typ = a.atttypid LEFT JOIN pg_type y ON y.oid = b.found LEFT JOIN pg_type e ON e.oid = y.typelem
		WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND a.attnum > 0 AND `+postgres.OfUser+` ORDER BY 1, 2`)
	if err != nil {
		return postgres.ReadError(doing, err)
	}
	byOID := map[uint32]*table{}
	for _, t := range c.tables {
		byOID[t.oid] = t
	}
	var oid uint32
	var k column
	_, err = pgx.ForEachRow(rows, []any{&oid, &k.number, &k.name, &k.kind, &k.base, &k.element, &k.length, &k.align, &k.dropped,
		&k.stored, &k.missing, &k.limited, &k.nullable, &k.domain}, func() error {
		byOID[oid].columns = append(byOID[oid].columns, k)
		return nil
	})
	if err != nil {
		return postgres.ReadError(doing, err)
	}
	return nil
}

// chooseMasks asks for the masks with samples of the values. Tables of extensions are
// asked about too, by their columns' names alone: nobody lists them in a plan, but their
// rows have come along.
func (c *copying) chooseMasks(ctx context.Context, conn *pgx.Conn) error {
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{AccessMode: pgx.ReadOnly})
	if err != nil {
		return postgres.ReadError("reading the columns of the copy", err)
	}
	defer postgres.Rollback(ctx, tx)
	if _, err := tx.Exec(ctx, "SET LOCAL search_path = ''"); err != nil { // types are named whole, as rules have them
		return postgres.ReadError("reading the columns of the copy", err)
	}
	described, err := postgres.DescribeTables(ctx, tx)
	if err != nil {
		return err
	}
	if err := postgres.SampleTables(ctx, tx, described, c.spec.Samples); err != nil {
		return err
	}
	chosen, err := askMasks(c.spec.Masks, described)
	if err != nil {
		return err
	}
	for _, t := range c.tables {
		masks, asked := chosen[t.rules]
		if !asked {
			if masks, err = c.spec.Masks(t.name(), t.bare()); err != nil {
				return err
			}
		}
		t.masks = masks
	}
	return nil
}

// bare describes the columns of a table without a look at its rows.
func (t *table) bare() []understudy.Column {
	var columns []understudy.Column
	for _, k := range t.columns {
		if !k.dropped {
			columns = append(columns, understudy.Column{Table: t.name(), Name: k.name, Type: k.kind, Nullable: k.nullable, Generated: k.stored})
		}
	}
	return columns
}
