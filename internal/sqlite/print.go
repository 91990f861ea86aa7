package sqlite

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"strings"

	"understudy"
)

// Print takes the fingerprints of all tables, by name, at one moment.
func Print(ctx context.Context, source string) (understudy.DataPrint, error) {
	prints := understudy.DataPrint{}
	err := reading(ctx, source, func(s *session) error {
		tables, err := s.tables(ctx, "main")
		if err != nil {
			return err
		}
		for _, t := range tables {
			if prints[tableName(t.name)], err = s.print(ctx, t); err != nil {
				return err
			}
		}
		return nil
	})
	return prints, err
}

func (s *session) print(ctx context.Context, t *table) (understudy.TablePrint, error) {
	list := make([]string, len(t.columns))
	for i, c := range t.columns {
		list[i] = "+" + quoted(c.Name)
	}
	rows, err := s.conn.QueryContext(ctx, "SELECT "+strings.Join(list, ", ")+" FROM "+quoted(t.name))
	if err != nil {
		return understudy.TablePrint{}, failed("taking the fingerprint of "+tableName(t.name), err)
	}
	defer rows.Close()
	values, into := make([]any, len(list)), make([]any, len(list))
	sums, present := make([]uint64, len(list)), make([]int64, len(list))
	for i := range values {
		into[i] = &values[i]
	}
	taken := understudy.TablePrint{Columns: map[string]understudy.ColumnPrint{}}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return understudy.TablePrint{}, failed("taking the fingerprint of "+tableName(t.name), err)
		}
		taken.Rows++
		for i, value := range values {
			if value != nil {
				present[i]++
			}
			text, class := textForm(value)
			sum := sha256.Sum256(append([]byte{class}, text...))
			sums[i] += binary.BigEndian.Uint64(sum[:8])
		}
	}
	if err := rows.Err(); err != nil {
		return understudy.TablePrint{}, failed("taking the fingerprint of "+tableName(t.name), err)
	}
	for i, c := range t.columns {
		taken.Columns[c.Name] = understudy.ColumnPrint{Present: present[i], Sum: strconv.FormatUint(sums[i], 16)}
	}
	return taken, nil
}
