package proof

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"understudy"
	"understudy/internal/postgres"
)

// compareRows takes the fingerprints of the unmasked columns on both sides at once.
func (c *checking) compareRows(ctx context.Context) error {
	if c.spec.Compare == Off {
		c.notShown("rows and fingerprints were not compared: the source was not to be read again")
		return nil
	}
	printed := map[string]bool{}
	for _, t := range c.from {
		printed[t.Name()] = !c.spec.Chosen(t.Name()) && (c.spec.Compare == Full || t.Bytes() <= lightBytes)
	}
	choose := func(t *postgres.DescribedTable, column understudy.Column) bool {
		_, masked := c.mask(t.Name(), column.Name)
		return printed[t.Name()] && !masked && !c.derived(t.Name(), column)
	}
	var was, is postgres.DataPrint
	both, working := errgroup.WithContext(ctx)
	both.Go(func() (err error) {
		was, err = postgres.PrintAt(working, c.source, c.spec.Parallel, choose)
		return err
	})
	both.Go(func() (err error) {
		is, err = postgres.PrintAt(working, c.target, c.spec.Parallel, choose)
		return err
	})
	if err := both.Wait(); err != nil {
		return err
	}
	for _, t := range c.from {
		if name := t.Name(); c.spec.Chosen(name) {
			c.notShown(name + " was not compared: only some of its rows were copied")
		} else {
			c.found.Tables = append(c.found.Tables, compared(name, was[name], is[name], printed[name]))
		}
	}
	return nil
}

func compared(table string, was, is postgres.TablePrint, printed bool) understudy.TableProof {
	out := understudy.TableProof{Table: table, Rows: was.Rows, Found: is.Rows, Compared: "rows"}
	if printed {
		out.Compared, out.Columns = "fingerprint", len(was.Columns)
		for column, print := range was.Columns {
			if is.Columns[column] != print {
				out.Differs = append(out.Differs, column)
			}
		}
		slices.Sort(out.Differs)
	}
	return out
}

// countDistinct counts the distinct values of columns whose mask keeps them apart, on
// both sides. A unique index says it already.
func (c *checking) countDistinct(ctx context.Context) error {
	if c.spec.Compare == Off {
		return nil
	}
	var asked []understudy.Column
	queries := map[string]string{}
	for _, t := range c.from {
		for _, column := range t.Columns {
			mask, masked := c.mask(t.Name(), column.Name)
			light := c.spec.Compare == Light && t.Bytes() > lightBytes
			if !masked || !mask.Unique || column.Unique || light || c.spec.Chosen(t.Name()) {
				continue
			}
			asked = append(asked, column)
			name := pgx.Identifier{column.Name}.Sanitize()
			queries[column.String()] = fmt.Sprintf(`SELECT count(*) FROM (SELECT DISTINCT %s::text COLLATE "C" FROM %s WHERE %s IS NOT NULL) d`, name, t.From(), name)
		}
	}
	counts := [2]map[string]float64{}
	both, working := errgroup.WithContext(ctx)
	for side, m := range []*postgres.Moment{c.source, c.target} {
		counts[side] = map[string]float64{}
		both.Go(func() error { return m.Join(working, countEach(working, asked, queries, counts[side])) })
	}
	if err := both.Wait(); err != nil {
		return err
	}
	for _, column := range asked {
		name := column.String()
		c.found.Columns = append(c.found.Columns, understudy.ColumnLikeness{
			Column: name, Masked: true, DistinctExact: true, Distinct: [2]float64{counts[0][name], counts[1][name]},
		})
	}
	return nil
}

func countEach(ctx context.Context, columns []understudy.Column, queries map[string]string, into map[string]float64) func(pgx.Tx) error {
	return func(tx pgx.Tx) error {
		for _, column := range columns {
			var count int64
			if err := tx.QueryRow(ctx, queries[column.String()]).Scan(&count); err != nil {
				return postgres.ReadError("counting the distinct values of "+column.String(), err)
			}
			into[column.String()] = float64(count)
		}
		return nil
	}
}
