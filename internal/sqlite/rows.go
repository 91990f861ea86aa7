package sqlite

import (
	"context"
	"database/sql"
	"strconv"
	"strings"

	"understudy"
	"understudy/internal/rowmask"
)

// copiedTable is one table on its way.
type copiedTable struct {
	*table
	masks  understudy.TableMasks
	masked []string
	rows   int64
	bytes  int64
}

// written are the columns that a row is written with: the others are generated.
func (t *table) written() []string {
	var names []string
	for _, c := range t.columns {
		if !c.Generated {
			names = append(names, c.Name)
		}
	}
	return names
}

// list is the columns as statements name them, the row id last where it has a name.
func (t *table) list(prefix string) string {
	var list []string
	for _, name := range t.written() {
		list = append(list, prefix+quoted(name))
	}
	if t.rowid != "" {
		list = append(list, t.rowid)
	}
	return strings.Join(list, ", ")
}

// copyRows fills a table from the source's.
func (c *copying) copyRows(ctx context.Context, t *copiedTable) error {
	if len(t.masks.Columns) == 0 && len(t.masks.Batches) == 0 {
		return c.copyWhole(ctx, t)
	}
	return c.copyMasked(ctx, t)
}

// copyWhole lets SQLite take over the rows as they are. Where a column is the row id, or
// there is none, it moves whole records.
func (c *copying) copyWhole(ctx context.Context, t *copiedTable) error {
	statement := "INSERT INTO main." + quoted(t.name) + " (" + t.list("") + ") SELECT " + t.list("") + " FROM source." + quoted(t.name)
	if t.rowid == "" && len(t.written()) == len(t.columns) && t.module == "" {
		statement = "INSERT INTO main." + quoted(t.name) + " SELECT * FROM source." + quoted(t.name)
	}
	result, err := c.into.conn.ExecContext(ctx, statement)
	if err != nil {
		return t.refused(err)
	}
	if t.rows, err = result.RowsAffected(); err != nil {
		return t.refused(err)
	}
	return nil
}

// copyMasked passes every row through the masks.
func (c *copying) copyMasked(ctx context.Context, t *copiedTable) error {
	insert, err := c.into.conn.PrepareContext(ctx, "INSERT INTO main."+quoted(t.name)+" ("+t.list("")+") VALUES ("+strings.TrimSuffix(strings.Repeat("?,", strings.Count(t.list(""), ", ")+1), ",")+")")
	if err != nil {
		return t.refused(err)
	}
	defer insert.Close()
	names := t.written()
	out := &writing{ctx: ctx, table: t, insert: insert, values: make([]any, len(names)+1)}
	var observe rowmask.Observe
	if c.spec.Observe != nil {
		observe = func(column string, original, masked []byte) {
			c.spec.Observe(tableName(t.name), column, original, masked)
		}
	}
	stream, err := rowmask.New(tableName(t.name), names, t.masks, observe, out.row)
	if err != nil {
		return err
	}
	t.masked = stream.Masked()
	// A leading + takes the declared type away, by which the driver would turn some texts
	// into times.
	rows, err := c.into.conn.QueryContext(ctx, "SELECT "+t.list("+")+" FROM source."+quoted(t.name))
	if err != nil {
		return failed("reading "+tableName(t.name), err)
	}
	defer rows.Close()
	if err := c.passRows(ctx, t, rows, stream); err != nil {
		return err
	}
	return stream.Flush(ctx)
}

func (c *copying) passRows(ctx context.Context, t *copiedTable, rows *sql.Rows, stream *rowmask.Stream) error {
	width := strings.Count(t.list(""), ", ") + 1
	values, into := make([]any, width), make([]any, width)
	for i := range values {
		into[i] = &values[i]
	}
	row, classes := make([][]byte, width+1), make([]byte, width)
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return failed("reading "+tableName(t.name), err)
		}
		for i, value := range values {
			row[i], classes[i] = textForm(value)
			t.bytes += int64(len(row[i]))
		}
		row[width] = classes
		t.rows++
		if err := stream.Row(ctx, row); err != nil {
			return err
		}
		c.moving(t)
	}
	if err := rows.Err(); err != nil {
		return failed("reading "+tableName(t.name), err)
	}
	return nil
}

// The storage classes of SQLite's values.
const (
	classNull    = 'n'
	classInteger = 'i'
	classReal    = 'r'
	classText    = 't'
	classBlob    = 'b'
)

// textForm is a value as masks see it, and its storage class.
func textForm(value any) ([]byte, byte) {
	switch v := value.(type) {
	case nil:
		return nil, classNull
	case int64:
		return strconv.AppendInt(nil, v, 10), classInteger
	case float64:
		return strconv.AppendFloat(nil, v, 'g', -1, 64), classReal
	case string:
		return append([]byte{}, v...), classText
	case []byte:
		return append([]byte{}, v...), classBlob // never nil, which is NULL
	}
	return nil, classNull // SQLite has no other classes
}

// storedForm is a value of a storage class again. A mask that makes a number into a text
// leaves a text.
func storedForm(text []byte, class byte) any {
	if text == nil {
		return nil
	}
	switch class {
	case classBlob:
		return text
	case classInteger:
		if n, err := strconv.ParseInt(string(text), 10, 64); err == nil {
			return n
		}
	case classReal:
		if n, err := strconv.ParseFloat(string(text), 64); err == nil {
			return n
		}
	}
	return string(text)
}

// writing inserts masked rows, whose last value is the classes of the others.
type writing struct {
	ctx    context.Context
	table  *copiedTable
	insert *sql.Stmt
	values []any
}

func (w *writing) row(row [][]byte) error {
	classes := row[len(row)-1]
	for i := range classes {
		w.values[i] = storedForm(row[i], classes[i])
	}
	if _, err := w.insert.ExecContext(w.ctx, w.values[:len(classes)]...); err != nil {
		return w.table.refused(err)
	}
	return nil
}

// refused says why a row was not taken, and what to look at.
func (t *copiedTable) refused(err error) error {
	e := failed("writing "+tableName(t.name), err)
	known, is := e.(*understudy.Error)
	if !is || known.Kind != understudy.KindInvalid {
		return e
	}
	if len(t.masked) == 0 {
		return known.WithHint("no column of this table is masked: production itself holds a row that its rules would refuse today")
	}
	return known.WithHint("choose a mask that keeps the column's form; masked here: %s", strings.Join(t.masked, ", "))
}
