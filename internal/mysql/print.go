package mysql

import (
	"context"
	"strconv"
	"strings"

	"understudy"
)

// TablePrint is the fingerprint of one table: enough to tell what was lost, added or
// changed between two moments without keeping a value.
type TablePrint struct {
	Rows int64 `json:"rows"`
	// Columns are sums over the hashes of each column's values, so that the order of rows
	// does not matter; values that only change places between rows leave them as they are.
	Columns map[string]string `json:"columns"`
}

// Print takes the fingerprints of all tables, by name. It reads every row: it is meant for
// a twin, not for production.
func Print(ctx context.Context, url string) (map[string]TablePrint, error) {
	s, err := open(ctx, url)
	if err != nil {
		return nil, err
	}
	defer s.close()
	if err := s.mayRead(ctx); err != nil {
		return nil, err
	}
	if err := s.exec(ctx, "fixing one view of the data", "START TRANSACTION WITH CONSISTENT SNAPSHOT"); err != nil {
		return nil, err
	}
	tables, err := s.tables(ctx)
	if err != nil {
		return nil, err
	}
	prints := make(map[string]TablePrint, len(tables))
	for _, t := range tables {
		if prints[tableName(t.name)], err = s.print(ctx, t); err != nil {
			return nil, err
		}
	}
	return prints, nil
}

// print adds up 60 bits of the MD5 of every value, in the server. NULL counts as a text
// that no value has.
func (s *session) print(ctx context.Context, t *table) (TablePrint, error) {
	list := []string{"COUNT(*)"}
	for _, c := range t.columns {
		value := "CONVERT(" + c.read() + " USING utf8mb4)"
		if c.binary() {
			value = "HEX(" + quoted(c.Name) + ")"
		}
		list = append(list, "COALESCE(SUM(CAST(CONV(LEFT(MD5(COALESCE(CONCAT('=', "+value+"), 'NULL')), 15), 16, 10) AS UNSIGNED)), 0)")
	}
	rows, err := s.texts(ctx, "taking the fingerprint of "+tableName(t.name), "SELECT "+strings.Join(list, ", ")+" FROM "+quoted(t.name))
	if err != nil {
		return TablePrint{}, err
	}
	taken := TablePrint{Columns: map[string]string{}}
	if taken.Rows, err = strconv.ParseInt(rows[0][0], 10, 64); err != nil {
		return taken, understudy.Errorf(understudy.KindInternal, "counting the rows of %s: %w", tableName(t.name), err)
	}
	for i, c := range t.columns {
		taken.Columns[c.Name] = rows[0][i+1]
	}
	return taken, nil
}
