package postgres

import (
	"context"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"understudy"
)

// DataPrint, TablePrint and ColumnPrint are fingerprints of rows, in the words of every engine.
type (
	DataPrint   = understudy.DataPrint
	TablePrint  = understudy.TablePrint
	ColumnPrint = understudy.ColumnPrint
)

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
	return PrintTables(ctx, moment, tables, parallel, choose)
}

// PrintTables does so for some of the tables.
func PrintTables(ctx context.Context, moment *Moment, tables []*DescribedTable, parallel int, choose func(*DescribedTable, understudy.Column) bool) (DataPrint, error) {
	prints := make([]TablePrint, len(tables))
	err := moment.Each(ctx, tables, parallel, func(ctx context.Context, tx pgx.Tx, i int) error {
		t := *tables[i]
		t.Columns = slices.DeleteFunc(slices.Clone(t.Columns), func(c understudy.Column) bool { return !choose(&t, c) })
		printed, err := moment.printTable(ctx, tx, &t)
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

// pacedBlocks is how much of a table is read at once where there is a pace: 8 MB.
const pacedBlocks = 1024

// printTable takes the fingerprint of one table, where there is a pace piece by piece: of the
// rows in a range of blocks. The sums of the pieces add up to that of the whole.
func (m *Moment) printTable(ctx context.Context, tx pgx.Tx, t *DescribedTable) (TablePrint, error) {
	whole := TablePrint{Columns: make(map[string]ColumnPrint, len(t.Columns))}
	blocks := t.bytes / blockSize
	step, err := m.step(ctx, tx, t, blocks)
	if err != nil {
		return whole, err
	}
	for from := int64(0); from == 0 || from < blocks; from += step {
		if m.Pace != nil {
			if err := m.Pace(ctx, int(min(step, blocks-from)*blockSize)); err != nil {
				return whole, err
			}
		}
		where := ""
		switch last := from+step >= blocks; { // the last piece has what came since the size was read
		case from > 0 && last:
			where = fmt.Sprintf(" WHERE ctid >= '(%d,0)'", from)
		case !last:
			where = fmt.Sprintf(" WHERE ctid >= '(%d,0)' AND ctid < '(%d,0)'", from, from+step)
		}
		piece, err := printRows(ctx, tx.Conn(), t, where)
		if err != nil {
			return whole, err
		}
		add(&whole, piece)
	}
	return whole, nil
}

// step is how many blocks are read at once: all where there is no pace, where blocks of several
// partitions have the same numbers, and before PostgreSQL 14, which would read the whole
// table for every range of them.
func (m *Moment) step(ctx context.Context, tx pgx.Tx, t *DescribedTable, blocks int64) (int64, error) {
	if m.Pace == nil || t.partitioned {
		return max(blocks, 1), nil
	}
	major, err := MajorOf(ctx, tx)
	if major < 14 {
		return max(blocks, 1), err
	}
	return pacedBlocks, err
}

// blockSize is that of nearly every server; with another one the pieces are of another size.
const blockSize = 8192

// add adds the fingerprint of more rows of a table to one.
func add(p *TablePrint, piece TablePrint) {
	p.Rows += piece.Rows
	for name, more := range piece.Columns {
		have, found := p.Columns[name]
		if found {
			more.Present += have.Present
			more.Sum = added(have.Sum, more.Sum)
		}
		p.Columns[name] = more
	}
}

// added is the sum of two numbers of any size, as the server writes them.
func added(a, b string) string {
	x, _ := new(big.Int).SetString(a, 10) // sum() of whole numbers is always one
	y, _ := new(big.Int).SetString(b, 10)
	return x.Add(x, y).String()
}

// PrintLeaf takes the fingerprint of an ordinary table, or of one partition, over a session
// that sees what is to be printed.
func PrintLeaf(ctx context.Context, conn *pgx.Conn, schema, table string, columns []string) (TablePrint, error) {
	t := &DescribedTable{schema: schema, table: table}
	for _, name := range columns {
		t.Columns = append(t.Columns, understudy.Column{Table: t.Name(), Name: name})
	}
	return printRows(ctx, conn, t, "")
}

func printRows(ctx context.Context, conn *pgx.Conn, t *DescribedTable, where string) (TablePrint, error) {
	list := []string{"count(*)::text"}
	for _, c := range t.Columns {
		name := pgx.Identifier{c.Name}.Sanitize()
		list = append(list, fmt.Sprintf(`count(%s)::text, COALESCE(sum(hashtextextended(%s::text COLLATE "C", 0)), 0)::text`, name, name))
	}
	printed := TablePrint{Columns: make(map[string]ColumnPrint, len(t.Columns))}
	rows, err := conn.Query(ctx, "SELECT "+strings.Join(list, ", ")+" FROM "+t.From()+where, pgx.QueryExecModeExec)
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
