package sqlite

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"strings"
)

// TablePrint is the fingerprint of one table: enough to tell what was lost, added or
// changed between two moments without keeping a value.
type TablePrint struct {
	Rows int64 `json:"rows"`
	// Columns are sums over the hashes of each column's values and their storage classes,
	// so that the order of rows does not matter; values that only change places between
	// rows leave them as they are.
	Columns map[string]string `json:"columns"`
}

// Print takes the fingerprints of all tables, by name, at one moment.
func Print(ctx context.Context, source string) (map[string]TablePrint, error) {
	prints := map[string]TablePrint{}
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

func (s *session) print(ctx context.Context, t *table) (TablePrint, error) {
	list := make([]string, len(t.columns))
	for i, c := range t.columns {
		list[i] = "+" + quoted(c.Name)
	}
	rows, err := s.conn.QueryContext(ctx, "SELECT "+strings.Join(list, ", ")+" FROM "+quoted(t.name))
	if err != nil {
		return TablePrint{}, failed("taking the fingerprint of "+tableName(t.name), err)
	}
	defer rows.Close()
	values, into, sums := make([]any, len(list)), make([]any, len(list)), make([]uint64, len(list))
	for i := range values {
		into[i] = &values[i]
	}
	taken := TablePrint{Columns: map[string]string{}}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return TablePrint{}, failed("taking the fingerprint of "+tableName(t.name), err)
		}
		taken.Rows++
		for i, value := range values {
			text, class := textForm(value)
			sum := sha256.Sum256(append([]byte{class}, text...))
			sums[i] += binary.BigEndian.Uint64(sum[:8])
		}
	}
	if err := rows.Err(); err != nil {
		return TablePrint{}, failed("taking the fingerprint of "+tableName(t.name), err)
	}
	for i, c := range t.columns {
		taken.Columns[c.Name] = strconv.FormatUint(sums[i], 16)
	}
	return taken, nil
}
