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
func (p *Proof) compareRows(ctx context.Context) error {
	if p.spec.Compare == Off {
		p.notShown("rows and fingerprints were not compared: the source was not to be read again")
		return nil
	}
	printed := map[string]bool{}
	tables := p.ofSource()
	for _, t := range tables {
		printed[t.Name()] = !p.spec.Chosen(t.Name()) && (p.spec.Compare == Full || t.Bytes() <= lightBytes)
	}
	choose := func(t *postgres.DescribedTable, column understudy.Column) bool {
		_, masked := p.mask(t.Name(), column.Name)
		return printed[t.Name()] && !masked && !p.derived(t.Name(), column)
	}
	var was, is postgres.DataPrint
	both, working := errgroup.WithContext(ctx)
	both.Go(func() (err error) {
		was, err = postgres.PrintTables(working, p.source, tables, p.spec.Parallel, choose)
		return err
	})
	both.Go(func() (err error) {
		here, err := postgres.DescribeTables(working, p.target.Tx)
		if err != nil {
			return err
		}
		here = slices.DeleteFunc(here, func(t *postgres.DescribedTable) bool { return p.reused[t.Name()] != nil })
		is, err = postgres.PrintTables(working, p.target, here, p.spec.Parallel, choose)
		return err
	})
	if err := both.Wait(); err != nil {
		return err
	}
	for _, t := range tables {
		if name := t.Name(); p.spec.Chosen(name) {
			p.notShown(name + " was not compared: only some of its rows were copied")
		} else {
			p.found.Tables = append(p.found.Tables, compared(name, was[name], is[name], printed[name]))
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
func (p *Proof) countDistinct(ctx context.Context) error {
	if p.spec.Compare == Off {
		return nil
	}
	var asked []understudy.Column
	queries := map[string]string{}
	for _, t := range p.ofSource() {
		for _, column := range t.Columns {
			mask, masked := p.mask(t.Name(), column.Name)
			light := p.spec.Compare == Light && t.Bytes() > lightBytes
			if !masked || !mask.Unique || column.Unique || light || p.spec.Chosen(t.Name()) {
				continue
			}
			asked = append(asked, column)
			name := pgx.Identifier{column.Name}.Sanitize()
			queries[column.String()] = fmt.Sprintf(`SELECT count(*) FROM (SELECT DISTINCT %s::text COLLATE "C" FROM %s WHERE %s IS NOT NULL) d`, name, t.From(), name)
		}
	}
	counts := [2]map[string]float64{}
	both, working := errgroup.WithContext(ctx)
	for side, m := range []*postgres.Moment{p.source, p.target} {
		counts[side] = map[string]float64{}
		both.Go(func() error { return m.Join(working, countEach(working, asked, queries, counts[side])) })
	}
	if err := both.Wait(); err != nil {
		return err
	}
	for _, column := range asked {
		name := column.String()
		p.found.Columns = append(p.found.Columns, understudy.ColumnLikeness{
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
