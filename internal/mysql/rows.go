package mysql

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"understudy"
	"understudy/internal/rowmask"
)

// copiedTable is one table on its way.
type copiedTable struct {
	*table
	written []column
	masks   understudy.TableMasks
	parts   division
	observe rowmask.Observe
	pace    *rate.Limiter // of bytes read, shared by all tables; nil: none
	masked  []string
	rows    int64
	sent    int64 // bytes of values, as the source sent them
}

// What one INSERT carries, and after how much of it a transaction is ended: enough that
// neither counts, and little enough that undoing it stays small.
const (
	statementBytes   = 1 << 20
	transactionBytes = 64 << 20
	paceBytes        = 64 << 10 // after how much that was read the pace is looked at
)

// rawRow makes room for a row whose values are not copied, and what Scan wants for it.
func rawRow(width int) ([]sql.RawBytes, []any) {
	values, into := make([]sql.RawBytes, width), make([]any, width)
	for i := range values {
		into[i] = &values[i]
	}
	return values, into
}

// copyRows reads a table in its moment, masks it, and writes it. Reading and writing go on
// side by side.
func (t *copiedTable) copyRows(ctx context.Context, from, to *session, done *headway) error {
	group, ctx := errgroup.WithContext(ctx)
	statements := make(chan []byte, 2)
	group.Go(func() error {
		defer close(statements)
		return t.read(ctx, from, statements, done)
	})
	group.Go(func() error { return t.write(ctx, to, statements) })
	if err := group.Wait(); err != nil {
		return err
	}
	done.finished(t)
	return nil
}

func (t *copiedTable) read(ctx context.Context, from *session, statements chan<- []byte, done *headway) error {
	i := &inserts{ctx: ctx, table: t, out: statements}
	stream, err := rowmask.New(tableName(t.name), names(t.written), t.masks, t.observe, i.row)
	if err != nil {
		return err
	}
	t.masked = stream.Masked()
	rows, err := from.conn.QueryContext(ctx, t.query())
	if err != nil {
		return t.readFailed(err)
	}
	defer rows.Close()
	moving := done.moving(t)
	width := max(1, len(t.written))
	raw, into := rawRow(width)
	row := make([][]byte, width)
	var due int64
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return t.readFailed(err)
		}
		for n, value := range raw {
			row[n] = value
			t.sent += int64(len(value))
		}
		t.rows++
		if err := stream.Row(ctx, row[:len(t.written)]); err != nil {
			return err
		}
		moving(t.rows, t.sent)
		if t.pace != nil && t.sent-due >= paceBytes {
			if err := t.pace.WaitN(ctx, paceBytes); err != nil {
				return understudy.Errorf(understudy.KindUnavailable, "reading %s at the pace that was asked for: %w", tableName(t.name), err)
			}
			due += paceBytes
		}
	}
	if err := rows.Err(); err != nil {
		return t.readFailed(err)
	}
	if err := stream.Flush(ctx); err != nil {
		return err
	}
	return i.send()
}

// query reads the table along its primary key, in which order its rows are written fastest.
func (t *copiedTable) query() string {
	list := make([]string, len(t.written))
	for i, c := range t.written {
		list[i] = c.read()
	}
	if len(list) == 0 {
		list = []string{"1"}
	}
	query := "SELECT " + strings.Join(list, ", ") + " FROM " + quoted(t.name)
	if t.primary {
		query += " FORCE INDEX (PRIMARY)"
	}
	return query
}

func (t *copiedTable) readFailed(err error) error {
	return readError(fmt.Sprintf("reading %s, after %d rows", tableName(t.name), t.rows), err)
}

func (t *copiedTable) write(ctx context.Context, to *session, statements <-chan []byte) error {
	if err := to.exec(ctx, "writing "+tableName(t.name), "START TRANSACTION"); err != nil {
		return err
	}
	written := 0
	for statement := range statements {
		if _, err := to.conn.ExecContext(ctx, string(statement)); err != nil {
			return t.rowFailed("writing", err)
		}
		if written += len(statement); written > transactionBytes {
			written = 0
			if err := to.exec(ctx, "writing "+tableName(t.name), "COMMIT", "START TRANSACTION"); err != nil {
				return err
			}
		}
	}
	if err := to.exec(ctx, "writing "+tableName(t.name), "COMMIT"); err != nil {
		return t.rowFailed("writing", err)
	}
	return nil
}

// rowFailed says why rows were refused, and what to look at.
func (t *copiedTable) rowFailed(doing string, err error) error {
	e := rowError(doing+" "+tableName(t.name), err)
	known, is := e.(*understudy.Error)
	if !is || known.Kind != understudy.KindInvalid {
		return e
	}
	if len(t.masked) == 0 {
		return known.WithHint("no column of this table is masked: production itself holds a row that its rules would refuse today")
	}
	return known.WithHint("choose a mask that keeps the column's form; masked here: %s", strings.Join(t.masked, ", "))
}

// inserts gathers rows into statements.
type inserts struct {
	ctx   context.Context
	table *copiedTable
	out   chan<- []byte
	held  []byte
	empty int // length of the statement before its first row
}

func (i *inserts) row(row [][]byte) error {
	if i.held == nil {
		i.held = append(make([]byte, 0, statementBytes+statementBytes/8), i.table.insert()...)
		i.empty = len(i.held)
	}
	if len(i.held) > i.empty {
		i.held = append(i.held, ',')
	}
	i.held = append(i.held, '(')
	for n, c := range i.table.written {
		if n > 0 {
			i.held = append(i.held, ',')
		}
		var err error
		if i.held, err = c.appendValue(i.held, row[n]); err != nil {
			return err
		}
	}
	i.held = append(i.held, ')')
	if len(i.held) < statementBytes {
		return nil
	}
	return i.send()
}

// send hands the statement over to be written.
func (i *inserts) send() error {
	if len(i.held) == i.empty {
		return nil
	}
	select {
	case i.out <- i.held:
		i.held, i.empty = nil, 0
		return nil
	case <-i.ctx.Done():
		return i.ctx.Err()
	}
}

func (t *copiedTable) insert() string {
	list := make([]string, len(t.written))
	for i, c := range t.written {
		list[i] = quoted(c.Name)
	}
	return "INSERT INTO " + quoted(t.name) + " (" + strings.Join(list, ",") + ") VALUES "
}

func names(columns []column) []string {
	all := make([]string, len(columns))
	for i, c := range columns {
		all[i] = c.Name
	}
	return all
}

// appendValue writes a value as a literal of its column's type.
func (c column) appendValue(b, value []byte) ([]byte, error) {
	switch {
	case value == nil:
		return append(b, "NULL"...), nil
	case c.data == "bit":
		n, err := strconv.ParseUint(string(value), 10, 64)
		if err != nil {
			return nil, understudy.Errorf(understudy.KindInvalid, "masking %s: the mask made something else than a whole number for a column of type bit", c)
		}
		return strconv.AppendUint(b, n, 10), nil
	case c.binary():
		b = append(b, "_binary"...)
	}
	return appendLiteral(b, value), nil
}

// appendLiteral is literal for bytes.
func appendLiteral(b, value []byte) []byte {
	b = append(b, '\'')
	start := 0
	for i, char := range value {
		if char != '\'' && char != '\\' && char != 0 {
			continue
		}
		b = append(append(b, value[start:i]...), '\\')
		start = i
		if char == 0 {
			b = append(b, '0')
			start = i + 1
		}
	}
	return append(append(b, value[start:]...), '\'')
}
