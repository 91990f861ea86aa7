package sqlitewatch_test

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	_ "modernc.org/sqlite"

	"understudy"
	"understudy/internal/migration/migrationtest"
	"understudy/internal/sqlite/sqlitewatch"
)

// actorVariable names the file that the test binary works on as a program of its own:
// locks are those of processes.
const actorVariable = "UNDERSTUDY_TEST_SQLITE_FILE"

func TestMain(m *testing.M) {
	if path := os.Getenv(actorVariable); path != "" {
		if err := act(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// act runs the statements that it reads, and writes what became of each.
func act(path string) error {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)&_pragma=synchronous(0)")
	if err != nil {
		return err
	}
	defer db.Close()
	conn, err := db.Conn(context.Background())
	if err != nil {
		return err
	}
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for in.More() {
		var statement, said string
		if err := in.Decode(&statement); err != nil {
			return err
		}
		if _, err := conn.ExecContext(context.Background(), statement); err != nil {
			said = err.Error()
		}
		if err := out.Encode(said); err != nil {
			return err
		}
	}
	return nil
}

// actor is a program of its own that works on a file.
type actor struct {
	mu  sync.Mutex
	cmd *exec.Cmd
	in  *json.Encoder
	out *bufio.Scanner
}

func (a *actor) Exec(_ context.Context, statement string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.in.Encode(statement); err != nil {
		return err
	}
	if !a.out.Scan() {
		return errors.New("the program ended")
	}
	var said string
	if err := json.Unmarshal(a.out.Bytes(), &said); err != nil || said != "" {
		return errors.Join(err, errors.New(said))
	}
	return nil
}

func newActor(t *testing.T, path string) *actor {
	t.Helper()
	a := &actor{cmd: exec.Command(os.Args[0])}
	a.cmd.Env, a.cmd.Stderr = append(os.Environ(), actorVariable+"="+path), os.Stderr
	in, err := a.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := a.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := a.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	a.in, a.out = json.NewEncoder(in), bufio.NewScanner(out)
	t.Cleanup(func() {
		if err := errors.Join(in.Close(), a.cmd.Wait()); err != nil {
			t.Error(err)
		}
	})
	return a
}

// cast knows which processes are migrations.
type cast struct {
	mu   sync.Mutex
	mine map[int]bool
}

func (c *cast) migration(process int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mine[process]
}

func (c *cast) session(t *testing.T, path string, migration bool) migrationtest.Session {
	a := newActor(t, path)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mine[a.cmd.Process.Pid] = migration
	return a
}

func subject(journal string) migrationtest.Subject {
	c := &cast{mine: map[int]bool{}}
	return migrationtest.Subject{Engine: migrationtest.SQLite, Dialect: dialect(), Acts: migrationtest.Acts{
		Empty: func(t *testing.T) string {
			path := filepath.Join(t.TempDir(), "shop.db")
			if err := newActor(t, path).Exec(t.Context(), "PRAGMA journal_mode = "+journal); err != nil {
				t.Fatal(err)
			}
			return path
		},
		Watch: func(t *testing.T, path string) func(*testing.T) understudy.Observation {
			w, err := sqlitewatch.Start(t.Context(), sqlitewatch.Spec{Database: path, Migration: c.migration})
			if err != nil {
				t.Fatal(err)
			}
			return func(t *testing.T) understudy.Observation {
				seen, err := w.Stop(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				return seen
			}
		},
		Session: c.session,
		Left: func(t *testing.T, path string) string {
			found, err := filepath.Glob(path + "*")
			if err != nil {
				t.Fatal(err)
			}
			return strings.Join(found, "\n")
		},
	}}
}

func dialect() migrationtest.Dialect {
	return migrationtest.Dialect{
		Filled: func(table string, rows int) []string {
			return []string{
				"CREATE TABLE " + table + " (id INTEGER PRIMARY KEY, status TEXT, note TEXT)",
				fmt.Sprintf("INSERT INTO %s WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) SELECT i, 'new', hex(randomblob(16)) FROM n", table, rows),
			}
		},
		Big:      30_000,
		Relation: func(table string) string { return "main." + table }, Locked: func(string) string { return "main" },
		Slow: "CREATE INDEX by_note ON orders (note)", DropIndex: "DROP INDEX by_note",
		Hold: []string{"BEGIN IMMEDIATE", "UPDATE orders SET status = 'held' WHERE id = 2"}, Release: []string{"COMMIT"},
		Rewrite: []string{
			"BEGIN", "CREATE TABLE fresh_orders (id BIGINT PRIMARY KEY, status TEXT, note TEXT)", "INSERT INTO fresh_orders SELECT * FROM orders",
			"DROP TABLE orders", "ALTER TABLE fresh_orders RENAME TO orders", "COMMIT",
		},
	}
}

func TestWatch_SeesWhatEveryEnginesWatcherSees(t *testing.T) {
	for _, journal := range []string{"WAL", "DELETE"} {
		t.Run(journal, func(t *testing.T) { migrationtest.Run(t, subject(journal)) })
	}
}
