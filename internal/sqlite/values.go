package sqlite

import (
	"context"
	"strings"

	"understudy"
)

// Values shows every value of the tables: show is told of each table, and gives who takes
// its rows, in the form that masks see them in, nil for NULL. Who takes them may keep no value,
// and ends it all with an error.
func Values(ctx context.Context, source string, show func(table string, columns []understudy.Column) func(row [][]byte) error) error {
	return reading(ctx, source, func(s *session) error {
		tables, err := s.tables(ctx, "main")
		if err != nil {
			return err
		}
		for _, t := range tables {
			if len(t.columns) == 0 {
				continue
			}
			if err := s.show(ctx, t, show(tableName(t.name), t.columns)); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *session) show(ctx context.Context, t *table, take func(row [][]byte) error) error {
	doing := "reading " + tableName(t.name)
	var list []string
	for _, c := range t.columns {
		list = append(list, "+"+quoted(c.Name)) // so the driver makes no moment of a text
	}
	rows, err := s.conn.QueryContext(ctx, "SELECT "+strings.Join(list, ", ")+" FROM main."+quoted(t.name))
	if err != nil {
		return failed(doing, err)
	}
	defer rows.Close()
	values, into := make([]any, len(list)), make([]any, len(list))
	for i := range values {
		into[i] = &values[i]
	}
	row := make([][]byte, len(list))
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return failed(doing, err)
		}
		for i, value := range values {
			row[i], _ = textForm(value)
		}
		if err := take(row); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return failed(doing, err)
	}
	return nil
}
