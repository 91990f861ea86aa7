package mysql

import (
	"context"
	"strings"

	"understudy"
)

// Values shows every value of the database's tables: show is told of each table, and gives who
// takes its rows, in the form that masks see them in, nil for NULL. Who takes them may keep no
// value, and ends it all with an error.
func Values(ctx context.Context, url string, show func(table string, columns []understudy.Column) func(row [][]byte) error) error {
	s, err := open(ctx, url)
	if err != nil {
		return err
	}
	defer s.close()
	tables, err := s.tables(ctx)
	if err != nil {
		return err
	}
	for _, t := range tables {
		if len(t.columns) == 0 {
			continue
		}
		if err := s.show(ctx, t, show(tableName(t.name), t.described())); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) show(ctx context.Context, t *table, take func(row [][]byte) error) error {
	doing := "reading " + tableName(t.name)
	var list []string
	for _, c := range t.columns {
		list = append(list, c.read())
	}
	rows, err := s.conn.QueryContext(ctx, "SELECT "+strings.Join(list, ", ")+" FROM "+quoted(t.name))
	if err != nil {
		return readError(doing, err)
	}
	defer rows.Close()
	raw, into := rawRow(len(list))
	row := make([][]byte, len(list))
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return readError(doing, err)
		}
		for i, value := range raw {
			row[i] = value
		}
		if err := take(row); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return readError(doing, err)
	}
	return nil
}
