package postgres

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// RowChanges are the rows of one table that differ between two databases, named by their
// key and never by another value.
type RowChanges struct {
	Gone, New, Changed int64
	Columns            []string // in which some have changed
	Named              []string // the first, as "id=17 (gone)"
	Keyless            bool     // no key tells the rows apart; nothing was compared
}

// DifferRows compares the rows of a table in two databases, one row of each at a time, in
// the order of the key, and names up to most of those that differ. The key is the primary
// key of the first, else a unique one without NULL; columns that only one of them has are
// left out, as are those without. A table that one of them lacks has no rows that differ. It reads every row of
// both: it is meant for twins.
func DifferRows(ctx context.Context, before, after, table string, without []string, most int) (RowChanges, error) {
	was, err := openSide(ctx, before, table)
	if err != nil {
		return RowChanges{}, err
	}
	defer was.close(ctx)
	is, err := openSide(ctx, after, table)
	if err != nil {
		return RowChanges{}, err
	}
	defer is.close(ctx)
	if was.table == nil || is.table == nil {
		return RowChanges{}, nil
	}
	key, err := was.key(ctx)
	if err != nil {
		return RowChanges{}, err
	}
	columns := slices.DeleteFunc(was.columns(), func(c string) bool { return !slices.Contains(is.columns(), c) || slices.Contains(without, c) })
	if len(key) == 0 || slices.ContainsFunc(key, func(k string) bool { return !slices.Contains(columns, k) }) {
		return RowChanges{Keyless: true}, nil
	}
	columns = slices.DeleteFunc(columns, func(c string) bool { return slices.Contains(key, c) })
	if err := was.read(ctx, key, columns); err != nil {
		return RowChanges{}, err
	}
	if err := is.read(ctx, key, columns); err != nil {
		return RowChanges{}, err
	}
	m := merge{key: key, columns: columns, most: most, differ: make([]bool, len(columns))}
	return m.run(was, is)
}

// side is one of the two databases, and the row it stands at.
type side struct {
	moment *Moment
	table  *DescribedTable // nil: it has none of that name
	rows   pgx.Rows
	row    [][]byte // of rows; nil: there is none left
}

func openSide(ctx context.Context, url, table string) (*side, error) {
	moment, err := OpenMoment(ctx, url, "understudy rows")
	if err != nil {
		return nil, err
	}
	s := &side{moment: moment}
	tables, err := DescribeTables(ctx, moment.Tx)
	if err != nil {
		s.close(ctx)
		return nil, err
	}
	if i := slices.IndexFunc(tables, func(t *DescribedTable) bool { return t.Name() == table }); i >= 0 {
		s.table = tables[i]
	}
	return s, nil
}

func (s *side) close(ctx context.Context) {
	if s.rows != nil {
		s.rows.Close()
	}
	s.moment.Close(ctx)
}

func (s *side) columns() []string {
	var names []string
	for _, c := range s.table.Columns {
		names = append(names, c.Name)
	}
	return names
}

const keyQuery = `
	SELECT array(SELECT a.attname::text FROM unnest(i.indkey::int2[]) WITH ORDINALITY k(attnum, place)
	             JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum WHERE k.place <= i.indnkeyatts ORDER BY k.place)
	FROM pg_index i
	WHERE i.indrelid = $1 AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL
	  AND NOT EXISTS (SELECT FROM unnest(i.indkey::int2[]) WITH ORDINALITY k(attnum, place)
	                  JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum WHERE k.place <= i.indnkeyatts AND NOT a.attnotnull)
	ORDER BY i.indisprimary DESC, i.indnkeyatts, i.indexrelid LIMIT 1`

// key names the columns that tell the table's rows apart; none where nothing does.
func (s *side) key(ctx context.Context) ([]string, error) {
	rows, err := s.moment.Tx.Query(ctx, keyQuery, s.table.oid)
	if err != nil {
		return nil, ReadError("looking for a key of "+s.table.Name(), err)
	}
	keys, err := pgx.CollectRows(rows, pgx.RowTo[[]string])
	if err != nil {
		return nil, ReadError("looking for a key of "+s.table.Name(), err)
	}
	if len(keys) == 0 {
		return nil, nil
	}
	return keys[0], nil
}

// read begins to read all rows in the order of their keys, as texts that sort by their
// bytes: first the key, then a hash of each column.
func (s *side) read(ctx context.Context, key, columns []string) error {
	if _, err := s.moment.Tx.Exec(ctx, "SET LOCAL statement_timeout = 0"); err != nil {
		return ReadError("reading the rows of "+s.table.Name(), err)
	}
	var list, order []string
	for i, k := range key {
		list = append(list, pgx.Identifier{k}.Sanitize()+`::text COLLATE "C"`)
		order = append(order, fmt.Sprint(i+1))
	}
	for _, c := range columns {
		list = append(list, fmt.Sprintf(`hashtextextended(%s::text COLLATE "C", 0)::text`, pgx.Identifier{c}.Sanitize()))
	}
	var err error
	s.rows, err = s.moment.Tx.Query(ctx, "SELECT "+strings.Join(list, ", ")+" FROM "+s.table.From()+" ORDER BY "+strings.Join(order, ", "), pgx.QueryExecModeExec)
	if err != nil {
		return ReadError("reading the rows of "+s.table.Name(), err)
	}
	return s.next()
}

func (s *side) next() error {
	s.row = nil
	if s.rows.Next() {
		s.row = s.rows.RawValues() // until the next call of Next
		return nil
	}
	if err := s.rows.Err(); err != nil {
		return ReadError("reading the rows of "+s.table.Name(), err)
	}
	return nil
}

// merge walks along two sides at once.
type merge struct {
	key, columns []string
	most         int
	differ       []bool // by column
	found        RowChanges
}

func (m *merge) run(was, is *side) (RowChanges, error) {
	for was.row != nil || is.row != nil {
		var err error
		switch order := m.compare(was.row, is.row); {
		case order < 0:
			m.found.Gone++
			m.name(was.row, "gone")
			err = was.next()
		case order > 0:
			m.found.New++
			m.name(is.row, "new")
			err = is.next()
		default:
			m.hold(was.row, is.row)
			if err = was.next(); err == nil {
				err = is.next()
			}
		}
		if err != nil {
			return m.found, err
		}
	}
	for i, differs := range m.differ {
		if differs {
			m.found.Columns = append(m.found.Columns, m.columns[i])
		}
	}
	return m.found, nil
}

// compare orders two rows by their keys; one that is not there comes last.
func (m *merge) compare(a, b [][]byte) int {
	switch {
	case a == nil:
		return 1
	case b == nil:
		return -1
	}
	for i := range m.key {
		if order := bytes.Compare(a[i], b[i]); order != 0 {
			return order
		}
	}
	return 0
}

// hold holds two rows of the same key against each other.
func (m *merge) hold(a, b [][]byte) {
	var in []string
	for i, column := range m.columns {
		x, y := a[len(m.key)+i], b[len(m.key)+i]
		if (x == nil) != (y == nil) || !bytes.Equal(x, y) {
			m.differ[i] = true
			in = append(in, column)
		}
	}
	if len(in) > 0 {
		m.found.Changed++
		m.name(a, "changed in "+strings.Join(in, ", "))
	}
}

// longestKey is how much of a key is shown.
const longestKey = 40

func (m *merge) name(row [][]byte, what string) {
	if len(m.found.Named) >= m.most {
		return
	}
	var parts []string
	for i, k := range m.key {
		value := []rune(string(row[i]))
		if len(value) > longestKey {
			value = append(value[:longestKey], '…')
		}
		parts = append(parts, k+"="+string(value))
	}
	m.found.Named = append(m.found.Named, fmt.Sprintf("%s (%s)", strings.Join(parts, " "), what))
}
