package physical

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"understudy"
	"understudy/internal/postgres"
)

// pointersAtOnce is how many rows are asked for by where they stand.
const pointersAtOnce = 4096

// maskRows masks what could not be masked in place, and then writes those tables anew, so
// that nothing stays of what their files held. The second begins when all of the first is
// committed: while an older session still might see them, dead rows are kept.
func (c *copying) maskRows(ctx context.Context) error {
	var todo, rewritten []*table
	for _, t := range c.tables {
		if t.why != "" || len(t.left) > 0 {
			todo = append(todo, t)
		}
		if t.rewrite() != "" {
			rewritten = append(rewritten, t)
		}
	}
	err := c.each(ctx, len(todo), func(ctx context.Context, conn *pgx.Conn, n int) error {
		return c.replaceRows(ctx, conn, todo[n])
	})
	if err != nil {
		return err
	}
	return c.each(ctx, len(rewritten), func(ctx context.Context, conn *pgx.Conn, n int) error {
		return runs(ctx, conn, "writing table "+rewritten[n].name()+" anew", rewritten[n].rewrite())
	})
}

// replaceRows reads the rows through the masks into a table beside, then updates the
// table from there: the masked columns alone, no trigger or rule fires, and no index on a
// masked column is kept meanwhile, so that values may change places.
func (c *copying) replaceRows(ctx context.Context, conn *pgx.Conn, t *table) error {
	doing := "masking " + t.name() + " by rows"
	columns := t.masked()
	beside := fmt.Sprintf("pg_temp.masked_%d", t.oid)
	always, err := texts(ctx, conn, doing, `SELECT format('ALTER TABLE ONLY %s DISABLE TRIGGER %I', $2::text, tgname)
		FROM pg_trigger WHERE tgrelid = $1 AND NOT tgisinternal AND tgenabled IN ('A', 'R')`, t.oid, t.quoted())
	if err != nil {
		return err
	}
	back, err := texts(ctx, conn, doing, `SELECT format('ALTER TABLE ONLY %s ENABLE %s TRIGGER %I', $2::text, CASE tgenabled WHEN 'A' THEN 'ALWAYS' ELSE 'REPLICA' END, tgname)
		FROM pg_trigger WHERE tgrelid = $1 AND NOT tgisinternal AND tgenabled IN ('A', 'R')`, t.oid, t.quoted())
	if err != nil {
		return err
	}
	list := strings.Join(quoteAll(columns, ""), ", ")
	if err := runs(ctx, conn, doing, fmt.Sprintf("CREATE TEMPORARY TABLE masked_%d AS SELECT ctid AS us_row, %s FROM ONLY %s WITH NO DATA", t.oid, list, t.quoted())); err != nil {
		return err
	}
	if t.byRows, err = c.fillBeside(ctx, conn, t, beside); err != nil {
		return err
	}
	var sets []string
	for _, name := range quoteAll(columns, "") {
		sets = append(sets, name+" = s."+name)
	}
	statements := append([]string{"ANALYZE " + beside, "BEGIN"}, always...)
	statements = append(statements, fmt.Sprintf("UPDATE ONLY %s AS t SET %s FROM %s s WHERE t.ctid = s.us_row", t.quoted(), strings.Join(sets, ", "), beside))
	statements = append(append(statements, back...), "COMMIT", "DROP TABLE "+beside)
	return runs(ctx, conn, doing, statements...)
}

func quoteAll(names []string, before string) []string {
	var quoted []string
	for _, name := range names {
		quoted = append(quoted, before+pgx.Identifier{name}.Sanitize())
	}
	return quoted
}

// fillBeside streams the rows, masked, into the table beside, and tells how many.
func (c *copying) fillBeside(ctx context.Context, conn *pgx.Conn, t *table, beside string) (rows int64, err error) {
	group, ctx := errgroup.WithContext(ctx)
	reader, writer := io.Pipe()
	m := newRowMasker(t, bufio.NewWriterSize(writer, 1<<16))
	group.Go(func() error {
		err := c.within(ctx, c.spec.Database, func(source *pgx.Conn) error { return m.read(ctx, source) })
		writer.CloseWithError(err)
		return err
	})
	group.Go(func() error {
		tag, err := conn.PgConn().CopyFrom(ctx, reader, "COPY "+beside+" FROM STDIN")
		reader.CloseWithError(errors.New("the rows are not taken any more"))
		rows = tag.RowsAffected()
		if err != nil {
			return postgres.ReadError("masking "+t.name()+" by rows: storing what the masks made", err)
		}
		return nil
	})
	return rows, group.Wait()
}

// rowMasker masks rows of one table and writes them as COPY takes them.
type rowMasker struct {
	table   *table
	columns []string
	out     *bufio.Writer
	window  int // rows that are masked together, for masks that want several
	rows    []maskedRow
}

type maskedRow struct {
	pointer string
	values  [][]byte
}

func newRowMasker(t *table, out *bufio.Writer) *rowMasker {
	m := &rowMasker{table: t, columns: t.masked(), out: out, window: 1}
	for _, b := range t.masks.Batches {
		m.window = leastCommon(m.window, max(b.Rows, 1))
	}
	return m
}

func leastCommon(a, b int) int {
	x, y := a, b
	for y != 0 {
		x, y = y, x%y
	}
	return a / x * b
}

// read reads all rows that are to be masked, in the table's order.
func (m *rowMasker) read(ctx context.Context, conn *pgx.Conn) error {
	query := fmt.Sprintf("SELECT ctid, %s FROM ONLY %s", strings.Join(quoteAll(m.columns, ""), ", "), m.table.quoted())
	if m.table.why != "" {
		return errors.Join(m.readSome(ctx, conn, query), m.finish(ctx))
	}
	slices.Sort(m.table.left)
	for part := range slices.Chunk(m.table.left, pointersAtOnce) {
		var list strings.Builder
		for i, pointer := range part {
			if i > 0 {
				list.WriteByte(',')
			}
			fmt.Fprintf(&list, `"(%d,%d)"`, pointer>>16, pointer&0xffff)
		}
		if err := m.readSome(ctx, conn, query+" WHERE ctid = ANY ('{"+list.String()+"}'::tid[])"); err != nil {
			return err
		}
	}
	return m.finish(ctx)
}

func (m *rowMasker) readSome(ctx context.Context, conn *pgx.Conn, query string) error {
	rows, err := conn.Query(ctx, query, pgx.QueryExecModeExec)
	if err != nil {
		return postgres.ReadError("reading "+m.table.name(), err)
	}
	defer rows.Close()
	for rows.Next() {
		raw := rows.RawValues()
		row := maskedRow{pointer: string(raw[0]), values: make([][]byte, len(m.columns))}
		for i, value := range raw[1:] {
			if value != nil {
				row.values[i] = append([]byte{}, value...)
			}
		}
		if m.rows = append(m.rows, row); len(m.rows) == m.window {
			if err := m.flush(ctx); err != nil {
				return err
			}
		}
	}
	if err := rows.Err(); err != nil {
		return postgres.ReadError("reading "+m.table.name(), err)
	}
	return nil
}

func (m *rowMasker) finish(ctx context.Context) error {
	if err := m.flush(ctx); err != nil {
		return err
	}
	return m.out.Flush()
}

// flush masks the rows that were gathered, and writes them.
func (m *rowMasker) flush(ctx context.Context) error {
	for _, batch := range m.table.masks.Batches {
		if err := m.applyBatch(ctx, batch); err != nil {
			return err
		}
	}
	for _, row := range m.rows {
		if err := m.write(row); err != nil {
			return err
		}
	}
	m.rows = m.rows[:0]
	return nil
}

func (m *rowMasker) applyBatch(ctx context.Context, batch understudy.BatchMask) error {
	for rows := range slices.Chunk(m.rows, max(batch.Rows, 1)) {
		given := make([][][]byte, len(rows))
		for i, row := range rows {
			for _, name := range batch.Columns {
				given[i] = append(given[i], row.values[slices.Index(m.columns, name)])
			}
		}
		if err := batch.Apply(ctx, given); err != nil {
			return err
		}
		for i, row := range rows {
			for j, name := range batch.Columns {
				row.values[slices.Index(m.columns, name)] = given[i][j]
			}
		}
	}
	return nil
}

func (m *rowMasker) write(row maskedRow) error {
	line := []byte(row.pointer)
	for i, value := range row.values {
		line = append(line, '\t')
		if mask, alone := m.table.masks.Columns[m.columns[i]]; alone && value != nil {
			masked, err := mask.Apply(value)
			if err != nil {
				return err
			}
			value = masked
		}
		line = appendCopied(line, value)
	}
	_, err := m.out.Write(append(line, '\n'))
	return err
}

// appendCopied writes a value as COPY reads it; nil is NULL.
func appendCopied(to, value []byte) []byte {
	if value == nil {
		return append(to, `\N`...)
	}
	for {
		special := bytes.IndexAny(value, "\\\n\r\t")
		if special < 0 {
			return append(to, value...)
		}
		to = append(append(to, value[:special]...), '\\')
		switch value[special] {
		case '\n':
			to = append(to, 'n')
		case '\r':
			to = append(to, 'r')
		case '\t':
			to = append(to, 't')
		default:
			to = append(to, '\\')
		}
		value = value[special+1:]
	}
}
