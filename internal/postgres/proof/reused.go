package proof

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"understudy"
	"understudy/internal/postgres"
)

// leaf is what holds rows: an ordinary table, or a partition.
type leaf struct {
	schema, table string
	columns       []string // that are copied
	earlier       bool     // its rows are those of the copy before
}

// listReused finds the tables of which the copy before has rows.
func (p *Proof) listReused(ctx context.Context) error {
	p.reused = map[string][]leaf{}
	if p.spec.Earlier == nil {
		return nil
	}
	rows, err := p.target.Tx.Query(ctx, `
		SELECT rn.nspname, rc.relname, n.nspname, c.relname,
			ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' ORDER BY a.attnum)
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		JOIN pg_class rc ON rc.oid = CASE WHEN c.relispartition THEN pg_partition_root(c.oid) ELSE c.oid END
		JOIN pg_namespace rn ON rn.oid = rc.relnamespace
		WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND `+postgres.OfUser+` AND `+postgres.NotOfExtension("pg_class", "c.oid")+` ORDER BY 1, 2, 3, 4`)
	if err != nil {
		return postgres.ReadError("listing what the copy before has", err)
	}
	var rootSchema, root string
	var l leaf
	_, err = pgx.ForEachRow(rows, []any{&rootSchema, &root, &l.schema, &l.table, &l.columns}, func() error {
		one := leaf{l.schema, l.table, slices.Clone(l.columns), p.spec.Earlier.Has(l.schema, l.table)}
		name := postgres.TableName(rootSchema, root)
		p.reused[name] = append(p.reused[name], one)
		return nil
	})
	if err != nil {
		return postgres.ReadError("listing what the copy before has", err)
	}
	maps.DeleteFunc(p.reused, func(_ string, all []leaf) bool {
		return !slices.ContainsFunc(all, func(l leaf) bool { return l.earlier })
	})
	return nil
}

// ofSource are the tables that are held against the source as a whole.
func (p *Proof) ofSource() []*postgres.DescribedTable {
	return slices.DeleteFunc(slices.Clone(p.tables), func(t *postgres.DescribedTable) bool { return p.reused[t.Name()] != nil })
}

// compareReused holds the rows that came from the copy before against that, and of the same
// table the partitions that did not against the source.
func (p *Proof) compareReused(ctx context.Context) error {
	if len(p.reused) == 0 {
		return nil
	}
	was, is := map[string]understudy.TablePrint{}, map[string]understudy.TablePrint{}
	sides, working := errgroup.WithContext(ctx)
	sides.Go(func() error {
		if err := p.printLeaves(working, p.spec.Earlier.Conn, was, func(l leaf) bool { return l.earlier }); err != nil {
			return err
		}
		return p.source.Join(working, func(tx pgx.Tx) error {
			return p.printLeaves(working, tx.Conn(), was, func(l leaf) bool { return !l.earlier })
		})
	})
	sides.Go(func() error {
		return p.target.Join(working, func(tx pgx.Tx) error {
			return p.printLeaves(working, tx.Conn(), is, func(leaf) bool { return true })
		})
	})
	if err := sides.Wait(); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(p.reused)) {
		whole := understudy.TableProof{Table: name, Compared: "earlier"}
		for _, l := range p.reused[name] {
			key := postgres.TableName(l.schema, l.table)
			one := compared(name, was[key], is[key], true)
			whole.Rows, whole.Found, whole.Columns = whole.Rows+one.Rows, whole.Found+one.Found, max(whole.Columns, one.Columns)
			whole.Differs = append(whole.Differs, one.Differs...)
		}
		slices.Sort(whole.Differs)
		whole.Differs = slices.Compact(whole.Differs)
		p.found.Tables = append(p.found.Tables, whole)
	}
	p.notShown(fmt.Sprintf("%d tables were held against the copy before, which had followed the source, and not against the source: it was not read for them", len(p.reused)))
	return nil
}

// printLeaves takes the fingerprints of some: of rows from the copy before all columns, of
// others those that are not masked.
func (p *Proof) printLeaves(ctx context.Context, conn *pgx.Conn, into map[string]understudy.TablePrint, which func(leaf) bool) error {
	for table, leaves := range p.reused {
		for _, l := range leaves {
			if !which(l) {
				continue
			}
			columns := l.columns
			if !l.earlier {
				columns = slices.DeleteFunc(slices.Clone(columns), func(name string) bool {
					_, masked := p.mask(table, name)
					return masked
				})
			}
			printed, err := postgres.PrintLeaf(ctx, conn, l.schema, l.table, columns)
			if err != nil {
				return err
			}
			into[postgres.TableName(l.schema, l.table)] = printed
		}
	}
	return nil
}
