package physical

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/postgres"
)

// index is one that holds masked values, and has to be built again.
type index struct {
	oid, of uint32
	name    string // quoted where it must be
	path    string // of its file before it is built again, below the data directory
	bytes   int64
	unique  bool
	btree   bool
}

// setAside declares every index that holds masked values unusable: from now on no query
// uses it and no row is added to it, until it is built again. One that was unusable in
// production is dropped, as its values could not be got rid of otherwise.
func (c *copying) setAside(ctx context.Context, conn *pgx.Conn) error {
	for _, t := range c.tables {
		if len(t.masked()) == 0 {
			continue
		}
		if err := c.indexesOf(ctx, conn, t); err != nil {
			return err
		}
	}
	var oids []uint32
	for _, i := range c.aside {
		oids = append(oids, i.oid)
	}
	if _, err := conn.Exec(ctx, `UPDATE pg_index SET indisvalid = false, indisready = false WHERE indexrelid = ANY ($1)`, oids); err != nil {
		return postgres.ReadError("setting aside the indexes on masked columns", err)
	}
	return nil
}

// indexesOf finds the indexes of a table with a masked column among their columns, in an
// expression or in a condition.
func (c *copying) indexesOf(ctx context.Context, conn *pgx.Conn, t *table) error {
	var masked []int16
	for _, k := range t.columns {
		if !k.dropped && t.isMasked(k.name) {
			masked = append(masked, int16(k.number))
		}
	}
	rows, err := conn.Query(ctx, `
		SELECT i.indexrelid, n.nspname, x.relname, pg_relation_filepath(x.oid), pg_relation_size(x.oid), i.indisunique, a.amname = 'btree', i.indisvalid AND i.indisready AND i.indislive
		FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_namespace n ON n.oid = x.relnamespace JOIN pg_am a ON a.oid = x.relam
		WHERE i.indrelid = $1 AND x.relkind = 'i' AND (i.indkey::int2[] && $2::int2[]
			OR (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL) AND (
				EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
					AND d.refclassid = 'pg_class'::regclass AND d.refobjid = i.indrelid AND (d.refobjsubid = 0 OR d.refobjsubid = ANY ($2::int2[])))
				OR EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))))
		ORDER BY 1`, t.oid, masked)
	if err != nil {
		return postgres.ReadError("looking for the indexes on masked columns of "+t.name(), err)
	}
	var unusable []string
	i := index{of: t.oid}
	var schema, name string
	var usable bool
	_, err = pgx.ForEachRow(rows, []any{&i.oid, &schema, &name, &i.path, &i.bytes, &i.unique, &i.btree, &usable}, func() error {
		i.name = postgres.TableName(schema, name)
		if usable {
			c.aside = append(c.aside, i)
		} else {
			unusable = append(unusable, i.name)
		}
		return nil
	})
	if err != nil {
		return postgres.ReadError("looking for the indexes on masked columns of "+t.name(), err)
	}
	for _, name := range unusable {
		c.spec.Notice("index " + name + " is unusable in production and is not in the twin")
		if err := runs(ctx, conn, "dropping an unusable index of the copy", "DROP INDEX "+name); err != nil {
			return err
		}
	}
	return nil
}

// rebuildIndex builds an index again that was set aside. A unique one proves its values so.
// Its file is complete then, and may go to disk.
func (c *copying) rebuildIndex(ctx context.Context, conn *pgx.Conn, one index) error {
	doing := "building index " + one.name + " again"
	err := runs(ctx, conn, doing, c.sorting(one), "REINDEX INDEX "+one.name)
	if err != nil && one.unique && strings.Contains(err.Error(), "23505") {
		return understudy.Errorf(understudy.KindInvalid, "building unique index %s again: two rows have the same masked value", one.name).
			WithHint("a column whose values are unique needs a mask that keeps them so")
	}
	if err != nil {
		return err
	}
	var path string
	if err := conn.QueryRow(ctx, `SELECT pg_relation_filepath($1::oid)`, one.oid).Scan(&path); err != nil {
		return postgres.ReadError(doing, err)
	}
	err = segments(filepath.Join(c.work, path), func(_ int, file string, size int64) error { return writeFileBack(file, size) })
	if err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "%s: %w", doing, err)
	}
	return nil
}

// How much memory an index is sorted in. A sort goes from text to text all over its memory; a
// run that fits into the processor's cache takes a third less time. So a sort gets as little as
// still lets one pass merge all of its runs, for each of which it keeps a buffer.
const (
	mergeBuffer  = 264 << 10
	leastSorting = 16 << 20
	leastHelped  = 32 << 20 // the server gives no helper to a process with less
	mostSorting  = 512 << 20
	sortedMore   = 3 // times as much as the index takes what is sorted for it
)

// sorting are the settings that an index is built with. One that is two thirds of
// the work is built by two processes, as nobody else could use the other processor: together
// they use more than one alone would.
func (c *copying) sorting(one index) string {
	var all int64
	for _, i := range c.aside {
		all += i.bytes
	}
	helpers, least := int64(0), int64(leastSorting)
	if one.bytes > 2*(all-one.bytes) {
		helpers, least = 1, leastHelped
	}
	memory := min(max(int64(math.Sqrt(float64(one.bytes)*sortedMore*mergeBuffer)), least), mostSorting)
	return fmt.Sprintf("SET max_parallel_maintenance_workers = %d; SET maintenance_work_mem = '%dMB'", helpers, memory*(1+helpers)>>20)
}

// refreshViews makes every materialized view again: it holds what its tables held. One
// that reads another comes behind it.
func (c *copying) refreshViews(ctx context.Context) error {
	const doing = "making the materialized views of the copy again"
	return c.within(ctx, c.spec.Database, func(conn *pgx.Conn) error {
		views, err := texts(ctx, conn, doing, `
			WITH RECURSIVE reads(reader, read) AS (
				SELECT DISTINCT r.ev_class, d.refobjid FROM pg_rewrite r JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
				WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid <> r.ev_class),
			depth(view, deep) AS (
				SELECT oid, 0 FROM pg_class WHERE relkind IN ('v', 'm')
				UNION SELECT r.reader, d.deep + 1 FROM depth d JOIN reads r ON r.read = d.view WHERE d.deep < 100)
			SELECT format('%I.%I', n.nspname, c.relname) FROM depth d JOIN pg_class c ON c.oid = d.view JOIN pg_namespace n ON n.oid = c.relnamespace
			WHERE c.relkind = 'm' AND c.relispopulated GROUP BY c.oid, n.nspname, c.relname ORDER BY max(d.deep), 1`)
		if err != nil {
			return err
		}
		for _, view := range views {
			if err := runs(ctx, conn, fmt.Sprintf("%s: %s", doing, view), "REFRESH MATERIALIZED VIEW "+view); err != nil {
				return err
			}
		}
		return nil
	})
}
