package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"understudy"
)

// DataPrint is the fingerprint of a database's rows, by table: enough to tell what was
// lost, added or changed between two moments without keeping a value.
type DataPrint map[string]TablePrint

// TablePrint is the fingerprint of one table.
type TablePrint struct {
	Rows    int64                  `json:"rows"`
	Columns map[string]ColumnPrint `json:"columns"`
}

// ColumnPrint is the fingerprint of one column. Sum adds up the hashes of its values'
// text forms, so the order of rows does not matter; values that only change places
// between rows leave it as it is.
type ColumnPrint struct {
	Present int64  `json:"present"` // rows in which it is not NULL
	Sum     string `json:"sum"`
}

// Print takes the fingerprint of all the user's tables, at one moment, over up to
// parallel connections. A partitioned table is one table. It needs SELECT on every
// table, and reads every row: it is meant for a twin, not for production.
func Print(ctx context.Context, url string, parallel int) (DataPrint, error) {
	moment, err := OpenMoment(ctx, url, "understudy print")
	if err != nil {
		return nil, err
	}
	defer moment.Close(ctx)
	return PrintAt(ctx, moment, parallel, func(*DescribedTable, understudy.Column) bool { return true })
}

// PrintAt takes the fingerprint as Print does, at a moment that is held already, of the
// columns that are chosen. Of a table without any only the rows are counted.
func PrintAt(ctx context.Context, moment *Moment, parallel int, choose func(*DescribedTable, understudy.Column) bool) (DataPrint, error) {
	tables, err := DescribeTables(ctx, moment.Tx)
	if err != nil {
		return nil, err
	}
	prints := make([]TablePrint, len(tables))
	err = moment.Each(ctx, tables, parallel, func(ctx context.Context, tx pgx.Tx, i int) error {
		t := *tables[i]
		t.Columns = slices.DeleteFunc(slices.Clone(t.Columns), func(c understudy.Column) bool { return !choose(&t, c) })
		printed, err := printTable(ctx, tx, &t)
		prints[i] = printed
		return err
	})
	if err != nil {
		return nil, err
	}
	out := make(DataPrint, len(tables))
	for i, t := range tables {
		out[t.Name()] = prints[i]
	}
	return out, nil
}

// Each runs act for every table, by its index, the biggest first, over up to parallel
// connections that see the moment.
func (m *Moment) Each(ctx context.Context, tables []*DescribedTable, parallel int, act func(ctx context.Context, tx pgx.Tx, i int) error) error {
	workers, working := errgroup.WithContext(ctx)
	work := make(chan int)
	workers.Go(func() error {
		defer close(work)
		for _, i := range BiggestFirst(tables, func(t *DescribedTable) int64 { return t.bytes }) {
			select {
			case work <- i:
			case <-working.Done():
				return nil
			}
		}
		return nil
	})
	for range min(max(parallel, 1), len(tables)) {
		workers.Go(func() error {
			return m.Join(working, func(tx pgx.Tx) error {
				for i := range work {
					if err := act(working, tx, i); err != nil {
						return err
					}
				}
				return nil
			})
		})
	}
	return workers.Wait()
}

func printTable(ctx context.Context, tx pgx.Tx, t *DescribedTable) (TablePrint, error) {
	list := []string{"count(*)::text"}
	for _, c := range t.Columns {
		name := pgx.Identifier{c.Name}.Sanitize()
		list = append(list, fmt.Sprintf(`count(%s)::text, COALESCE(sum(hashtextextended(%s::text COLLATE "C", 0)), 0)::text`, name, name))
	}
	printed := TablePrint{Columns: make(map[string]ColumnPrint, len(t.Columns))}
	rows, err := tx.Query(ctx, "SELECT "+strings.Join(list, ", ")+" FROM "+t.From(), pgx.QueryExecModeExec)
	if err != nil {
		return printed, ReadError("taking the fingerprint of "+t.Name(), err)
	}
	defer rows.Close()
	for rows.Next() {
		values := rows.RawValues()
		printed.Rows = number(values[0])
		for i, c := range t.Columns {
			printed.Columns[c.Name] = ColumnPrint{Present: number(values[1+2*i]), Sum: string(values[2+2*i])}
		}
	}
	if err := rows.Err(); err != nil {
		return printed, ReadError("taking the fingerprint of "+t.Name(), err)
	}
	return printed, nil
}
