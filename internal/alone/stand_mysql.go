package alone

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"time"

	driver "github.com/go-sql-driver/mysql"

	"understudy"
	"understudy/internal/cli"
	"understudy/internal/laboratory"
	"understudy/internal/migration"
	"understudy/internal/mysql"
	"understudy/internal/mysql/instance"
	"understudy/internal/mysql/mysqlwatch"
	"understudy/internal/rehearsal"
	"understudy/internal/sqltraffic"
)

// Accounts of a private server of MariaDB or MySQL: the command's, by which it is known, and
// the application's.
const (
	migrationAccount = "understudy_migration"
	trafficAccount   = "the_old_release"
)

// mysqlStand is a private server of MariaDB or MySQL with the copies.
type mysqlStand struct {
	subject
	server *instance.Server
}

// memory is what the private server may take for its pages.
const mysqlMemory = 256 << 20

func newMySQL(ctx context.Context, copying cli.TwinCopy, masks understudy.Masks, at place, tell func(string)) (stand, error) {
	name, err := databaseName(copying.From)
	if err != nil {
		return nil, err
	}
	settings := instance.Loading(mysqlMemory)
	maps.Copy(settings, instance.Watched())
	s := &mysqlStand{subject{name, migrationAccount}, instance.New(instance.Place{
		Dir: filepath.Join(at.Folder, "data"), SocketDir: filepath.Join(at.Folder, "run"), Log: filepath.Join(at.Folder, "log"), Settings: settings,
	})}
	err = s.server.Start(ctx)
	if err == nil {
		_, err = s.server.EnsureDatabase(ctx, s.physical(rehearsal.Golden))
	}
	if err == nil {
		copying.To = s.server.URL(s.physical(rehearsal.Golden))
		_, err = otherCopy{copying, "mysql", paced(tell), tell}.run(ctx, masks)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close(context.WithoutCancel(ctx)))
	}
	return s, nil
}

// databaseName is what stands behind the last slash of an address.
func databaseName(address string) (string, error) {
	place, _, _ := strings.Cut(address, "?")
	name := place[strings.LastIndex(place, "/")+1:]
	if name == "" || strings.HasSuffix(place, "//"+name) {
		return "", understudy.Errorf(understudy.KindInvalid, "--database: the address names no database; expected mysql://user@host:3306/database")
	}
	return name, nil
}

func (s *mysqlStand) about() subject { return s.subject }

// Close ends the server.
func (s *mysqlStand) Close(ctx context.Context) error { return s.server.Stop(ctx) }

// Clone implements rehearsal.Ledger.
func (s *mysqlStand) Clone(ctx context.Context, to rehearsal.Copy) error {
	name := s.physical(to)
	if err := s.server.Drop(ctx, name); err != nil && understudy.KindOf(err) != understudy.KindNotFound {
		return err
	}
	if _, err := s.server.EnsureDatabase(ctx, name); err != nil {
		return err
	}
	for _, account := range []string{migrationAccount, trafficAccount} {
		if err := s.server.EnsureAccount(ctx, account, name); err != nil {
			return err
		}
	}
	return mysql.Clone(ctx, s.server.URL(s.physical(rehearsal.Golden)), s.server.URL(name))
}

// Schema implements rehearsal.Ledger.
func (s *mysqlStand) Schema(ctx context.Context, of rehearsal.Copy) (json.RawMessage, error) {
	lines, err := mysql.Schema(ctx, s.server.URL(s.physical(of)))
	if err != nil {
		return nil, err
	}
	return definitions(lines).json()
}

// Data implements rehearsal.Ledger.
func (s *mysqlStand) Data(ctx context.Context, of rehearsal.Copy) (json.RawMessage, error) {
	data, err := mysql.Print(ctx, s.server.URL(s.physical(of)))
	if err != nil {
		return nil, err
	}
	return json.Marshal(map[string]understudy.DataPrint{"": data})
}

// CompareSchemas implements rehearsal.Ledger.
func (s *mysqlStand) CompareSchemas(before, after json.RawMessage) (changes, orders []string, err error) {
	changes, err = compareDefinitions(before, after)
	return changes, nil, err
}

// CompareData implements rehearsal.Ledger.
func (s *mysqlStand) CompareData(before, after json.RawMessage) ([]rehearsal.Loss, error) {
	return laboratory.CompareData(before, after)
}

func (s *mysqlStand) address(of rehearsal.Copy, _ migration.Command) (address, error) {
	name := s.physical(of)
	return address{
		url: s.server.URLOf(migrationAccount, name),
		env: []string{"MYSQL_UNIX_PORT=" + s.server.Socket(), "MYSQL_USER=" + migrationAccount, "MYSQL_DATABASE=" + name},
	}, nil
}

// Watcher implements laboratory.Engine.
func (s *mysqlStand) Watcher(of rehearsal.Copy) migration.Watcher {
	return watching(func(ctx context.Context) (ending, error) {
		return mysqlwatch.Start(ctx, mysqlwatch.Spec{URL: s.server.URL(s.physical(of)), User: migrationAccount})
	})
}

// Prober implements laboratory.Engine: nobody is played there.
func (s *mysqlStand) Prober() laboratory.Prober { return nil }

// Still implements laboratory.Engine.
func (s *mysqlStand) Still(ctx context.Context, patience time.Duration) (int, error) {
	conn, err := mysql.Dial(ctx, s.server.URL(s.physical(rehearsal.Golden)))
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	for limit := time.Now().Add(patience); ; {
		left, err := conn.Texts(ctx, "looking for sessions of the migration", "SELECT id FROM information_schema.processlist WHERE user = ?", migrationAccount)
		if err != nil || len(left) == 0 {
			return 0, err
		}
		if time.Now().After(limit) {
			for _, row := range left {
				if err := conn.Exec(ctx, "ending a session of the migration", "KILL "+row[0]); err != nil {
					return len(left), err
				}
			}
			return len(left), nil
		}
		if err := pause(ctx); err != nil {
			return 0, err
		}
	}
}

// Begins implements laboratory.Engine.
func (s *mysqlStand) Begins(ctx context.Context, statement string) (bool, error) {
	return mysqlwatch.Begins(ctx, mysqlwatch.Spec{URL: s.server.URL(s.physical(rehearsal.Side)), User: migrationAccount}, statement)
}

// Shift implements laboratory.Shifter. Tables that are there get a higher next number; those
// that are made later one number of two, as all of the server do until back is called.
func (s *mysqlStand) Shift(ctx context.Context, on rehearsal.Copy) (back func(context.Context) error, err error) {
	conn, err := mysql.Dial(ctx, s.server.URL(s.physical(on)))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	const doing = "moving the numbers of new rows"
	tables, err := conn.Texts(ctx, doing, "SELECT table_name, auto_increment + 1 FROM information_schema.tables WHERE table_schema = DATABASE() AND auto_increment IS NOT NULL")
	for _, t := range tables {
		if err := conn.Exec(ctx, doing, "ALTER TABLE "+mysql.Quoted(t[0])+" AUTO_INCREMENT = "+t[1]); err != nil {
			return nil, err
		}
	}
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) error { return s.oneOf(ctx, 1) }, s.oneOf(ctx, 2)
}

// oneOf has the sessions that begin from now on take each nth number for new rows.
func (s *mysqlStand) oneOf(ctx context.Context, n int) error {
	conn, err := mysql.Dial(ctx, s.server.URL("mysql"))
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.Exec(ctx, "saying which numbers new rows get", fmt.Sprintf("SET GLOBAL auto_increment_increment = %d, GLOBAL auto_increment_offset = %d", n, n))
}

// LockTimedOut implements laboratory.Engine.
func (s *mysqlStand) LockTimedOut(output string) bool {
	return strings.Contains(output, "Lock wait timeout exceeded") || strings.Contains(output, "Deadlock found")
}

func (s *mysqlStand) database(of rehearsal.Copy) (*sql.DB, error) {
	return mysql.Pool(s.server.URLOf(trafficAccount, s.physical(of)))
}

func (s *mysqlStand) words(err error) string {
	answer := new(driver.MySQLError)
	if !errors.As(err, &answer) {
		return ""
	}
	return fmt.Sprintf("%d %s", answer.Number, answer.SQLState[:])
}

func (s *mysqlStand) usual(ctx context.Context) ([]sqltraffic.Statement, error) {
	url := s.server.URL(s.physical(rehearsal.Golden))
	conn, err := mysql.Dial(ctx, url)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	const doing = "reading the copy's tables for traffic"
	rows, err := conn.Texts(ctx, doing, `SELECT t.table_name
		FROM information_schema.tables t JOIN information_schema.statistics k
		  ON k.table_schema = t.table_schema AND k.table_name = t.table_name AND k.index_name = 'PRIMARY' AND k.seq_in_index = 1
		WHERE t.table_schema = DATABASE() AND t.table_type = 'BASE TABLE' ORDER BY t.table_rows DESC, 1 LIMIT 40`)
	if err != nil {
		return nil, err
	}
	var tables []sqltraffic.Table
	for _, row := range rows {
		t := sqltraffic.Table{Name: row[0], Quoted: mysql.Quoted(row[0])}
		columns, err := conn.Texts(ctx, doing, `SELECT c.column_name, COALESCE(c.generation_expression, ''), COALESCE(k.seq_in_index, '')
			FROM information_schema.columns c LEFT JOIN information_schema.statistics k
			  ON k.table_schema = c.table_schema AND k.table_name = c.table_name AND k.column_name = c.column_name AND k.index_name = 'PRIMARY'
			WHERE c.table_schema = DATABASE() AND c.table_name = ? ORDER BY k.seq_in_index IS NULL, k.seq_in_index, c.ordinal_position`, row[0])
		if err != nil {
			return nil, err
		}
		var texts []string
		for _, column := range columns { // the key's first
			t.Columns = append(t.Columns, mysql.Quoted(column[0]))
			if t.Changes == "" && column[1] == "" {
				t.Changes = mysql.Quoted(column[0])
			}
			if column[2] != "" {
				t.Key = append(t.Key, mysql.Quoted(column[0]))
				texts = append(texts, "CAST("+mysql.Quoted(column[0])+" AS CHAR)")
			}
		}
		t.Keys, err = conn.Texts(ctx, doing, fmt.Sprintf("SELECT %s FROM %s ORDER BY %s LIMIT %d", strings.Join(texts, ", "), t.Quoted, strings.Join(t.Key, ", "), keysSampled))
		if err != nil {
			return nil, err
		}
		tables = append(tables, t)
	}
	return sqltraffic.Usual(tables, func(int) string { return "?" }), nil
}
