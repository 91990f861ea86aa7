package mysql

import (
	"context"
	"strconv"
	"strings"

	"understudy"
)

// Print takes the fingerprints of all tables, by name. It reads every row: it is meant for
// a twin, not for production.
func Print(ctx context.Context, url string) (understudy.DataPrint, error) {
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
	prints := make(understudy.DataPrint, len(tables))
	for _, t := range tables {
		if prints[tableName(t.name)], err = s.print(ctx, t); err != nil {
			return nil, err
		}
	}
	return prints, nil
}

// print adds up 60 bits of the MD5 of every value, in the server. NULL counts as a text
// that no value has.
func (s *session) print(ctx context.Context, t *table) (understudy.TablePrint, error) {
	list := []string{"COUNT(*)"}
	for _, c := range t.columns {
		value := "CONVERT(" + c.read() + " USING utf8mb4)"
		if c.binary() {
			value = "HEX(" + quoted(c.Name) + ")"
		}
		list = append(list, "COUNT("+quoted(c.Name)+")", "COALESCE(SUM(CAST(CONV(LEFT(MD5(COALESCE(CONCAT('=', "+value+"), 'NULL')), 15), 16, 10) AS UNSIGNED)), 0)")
	}
	rows, err := s.texts(ctx, "taking the fingerprint of "+tableName(t.name), "SELECT "+strings.Join(list, ", ")+" FROM "+quoted(t.name))
	if err != nil {
		return understudy.TablePrint{}, err
	}
	taken := understudy.TablePrint{Columns: map[string]understudy.ColumnPrint{}}
	if taken.Rows, err = strconv.ParseInt(rows[0][0], 10, 64); err != nil {
		return taken, understudy.Errorf(understudy.KindInternal, "counting the rows of %s: %w", tableName(t.name), err)
	}
	for i, c := range t.columns {
		present, err := strconv.ParseInt(rows[0][1+2*i], 10, 64)
		if err != nil {
			return taken, understudy.Errorf(understudy.KindInternal, "counting the values of %s.%s: %w", tableName(t.name), plainName(c.Name), err)
		}
		taken.Columns[c.Name] = understudy.ColumnPrint{Present: present, Sum: rows[0][2+2*i]}
	}
	return taken, nil
}
