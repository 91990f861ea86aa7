package alone

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	driver "modernc.org/sqlite"

	"understudy"
	"understudy/internal/cli"
	"understudy/internal/laboratory"
	"understudy/internal/migration"
	"understudy/internal/rehearsal"
	"understudy/internal/sqlite"
	"understudy/internal/sqlite/sqlitewatch"
	"understudy/internal/sqltraffic"
)

// sqliteStand is a folder with the copies of a SQLite database.
type sqliteStand struct {
	subject
	folder string
}

func newSQLite(ctx context.Context, copying cli.TwinCopy, masks understudy.Masks, at place, tell func(string)) (stand, error) {
	path, err := sqlite.Locate(sqlitePath(copying.From))
	if err != nil {
		return nil, err
	}
	s := &sqliteStand{subject{name: filepath.Base(path)}, at.Folder}
	copying.To = s.path(rehearsal.Golden)
	_, err = otherCopy{copying, "sqlite", paced(tell), tell}.run(ctx, masks)
	return s, err
}

func (s *sqliteStand) about() subject { return s.subject }

// path is the file of a copy.
func (s *sqliteStand) path(of rehearsal.Copy) string { return filepath.Join(s.folder, s.physical(of)) }

// Close has nothing to end: a file is not running.
func (s *sqliteStand) Close(context.Context) error { return nil }

// Clone implements rehearsal.Ledger.
func (s *sqliteStand) Clone(ctx context.Context, to rehearsal.Copy) error {
	for _, end := range []string{"", "-wal", "-shm", "-journal"} {
		if err := os.Remove(s.path(to) + end); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return understudy.Errorf(understudy.KindUnavailable, "making a copy anew: %w", err)
		}
	}
	return sqlite.Duplicate(ctx, s.path(rehearsal.Golden), s.path(to))
}

// Schema implements rehearsal.Ledger.
func (s *sqliteStand) Schema(ctx context.Context, of rehearsal.Copy) (json.RawMessage, error) {
	lines, err := sqlite.Schema(ctx, s.path(of))
	if err != nil {
		return nil, err
	}
	return definitions(lines).json()
}

// Data implements rehearsal.Ledger.
func (s *sqliteStand) Data(ctx context.Context, of rehearsal.Copy) (json.RawMessage, error) {
	data, err := sqlite.Print(ctx, s.path(of))
	if err != nil {
		return nil, err
	}
	return json.Marshal(map[string]understudy.DataPrint{"": data})
}

// CompareSchemas implements rehearsal.Ledger.
func (s *sqliteStand) CompareSchemas(before, after json.RawMessage) (changes, orders []string, err error) {
	changes, err = compareDefinitions(before, after)
	return changes, nil, err
}

// CompareData implements rehearsal.Ledger.
func (s *sqliteStand) CompareData(before, after json.RawMessage) ([]rehearsal.Loss, error) {
	return laboratory.CompareData(before, after)
}

func (s *sqliteStand) address(of rehearsal.Copy, _ migration.Command) (address, error) {
	return address{url: (&url.URL{Scheme: "sqlite", Path: s.path(of)}).String(), path: s.path(of)}, nil
}

// Watcher implements laboratory.Engine.
func (s *sqliteStand) Watcher(of rehearsal.Copy) migration.Watcher {
	return watching(func(ctx context.Context) (ending, error) {
		return sqlitewatch.Start(ctx, sqlitewatch.Spec{Database: s.path(of)})
	})
}

// Prober implements laboratory.Engine: nobody queues for a file.
func (s *sqliteStand) Prober() laboratory.Prober { return nil }

// Still implements laboratory.Engine: a process that was ended holds no file.
func (s *sqliteStand) Still(context.Context, time.Duration) (int, error) { return 0, nil }

// Begins implements laboratory.Engine: what a process does with a file is not told.
func (s *sqliteStand) Begins(context.Context, string) (bool, error) { return false, nil }

// LockTimedOut implements laboratory.Engine.
func (s *sqliteStand) LockTimedOut(output string) bool {
	return strings.Contains(output, "database is locked") || strings.Contains(output, "SQLITE_BUSY")
}

func (s *sqliteStand) database(of rehearsal.Copy) (*sql.DB, error) {
	return sql.Open("sqlite", (&url.URL{Scheme: "file", Path: s.path(of), RawQuery: "_pragma=busy_timeout(5000)"}).String())
}

func (s *sqliteStand) words(err error) string {
	answer := new(driver.Error)
	if !errors.As(err, &answer) {
		return ""
	}
	return fmt.Sprintf("SQLite error %d", answer.Code())
}

func (s *sqliteStand) usual(ctx context.Context) (statements []sqltraffic.Statement, err error) {
	db, err := s.database(rehearsal.Golden)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var tables []sqltraffic.Table
	err = each(ctx, db, `SELECT t.name, (SELECT group_concat(name, char(10)) FROM (SELECT name FROM pragma_table_info(t.name) WHERE pk > 0 ORDER BY pk)),
		(SELECT group_concat(name, char(10)) FROM pragma_table_info(t.name))
		FROM sqlite_schema t WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'
		AND EXISTS (SELECT 1 FROM pragma_table_info(t.name) WHERE pk > 0) ORDER BY 1 LIMIT 40`, func(row []string) error {
		t := sqltraffic.Table{Name: row[0], Quoted: sqlite.Quoted(row[0])}
		for column := range strings.SplitSeq(row[1], "\n") {
			t.Key = append(t.Key, sqlite.Quoted(column))
		}
		for column := range strings.SplitSeq(row[2], "\n") {
			t.Columns = append(t.Columns, sqlite.Quoted(column))
		}
		t.Changes = t.Key[0]
		tables = append(tables, t)
		return nil
	}, 3)
	for i := range tables {
		t := &tables[i]
		key := strings.Join(t.Key, ", ")
		texts, there := "CAST("+strings.Join(t.Key, " AS TEXT), CAST(")+" AS TEXT)", strings.Join(t.Key, " IS NOT NULL AND ")+" IS NOT NULL"
		err = errors.Join(err, each(ctx, db, fmt.Sprintf("SELECT %s FROM %s WHERE %s ORDER BY %s LIMIT %d", texts, t.Quoted, there, key, keysSampled), func(row []string) error {
			t.Keys = append(t.Keys, row)
			return nil
		}, len(t.Key)))
	}
	if err != nil {
		return nil, understudy.Errorf(understudy.KindUnavailable, "reading the copy's tables for traffic: %w", err)
	}
	return sqltraffic.Usual(tables, func(int) string { return "?" }), nil
}

// each hands on the rows of a query, as texts.
func each(ctx context.Context, db *sql.DB, query string, act func([]string) error, columns int) (err error) {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Err(), rows.Close()) }()
	for rows.Next() {
		row, into := make([]string, columns), make([]any, columns)
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			return err
		}
		if err := act(row); err != nil {
			return err
		}
	}
	return nil
}
