package mysqlwatch_test

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"

	driver "github.com/go-sql-driver/mysql"

	"understudy"
	"understudy/internal/migration/migrationtest"
	"understudy/internal/mysql/instance"
	"understudy/internal/mysql/mysqltest"
	"understudy/internal/mysql/mysqlwatch"
)

// watched starts a server on which watches see everything; it ends with the test.
func watched(t *testing.T) *instance.Server {
	t.Helper()
	place := mysqltest.Place(mysqltest.Folder(t), "watched")
	maps.Copy(place.Settings, instance.Watched())
	s := instance.New(place)
	if err := s.Start(t.Context()); err != nil {
		t.Fatalf("%v (hint: %s)", err, understudy.HintOf(err))
	}
	return s
}

// database makes one of a name, with accounts of the application and of the migration.
func database(t *testing.T, s *instance.Server, name string) {
	t.Helper()
	if _, err := s.EnsureDatabase(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	for _, user := range []string{"shop", "migration"} {
		if err := s.EnsureAccount(t.Context(), user, name); err != nil {
			t.Fatal(err)
		}
	}
}

// connection is one session of one user.
type connection struct{ conn *sql.Conn }

func (c connection) Exec(ctx context.Context, statement string) error {
	_, err := c.conn.ExecContext(ctx, statement)
	return err
}

func connect(t *testing.T, s *instance.Server, database, user string) connection {
	t.Helper()
	config := driver.NewConfig()
	config.User, config.Net, config.Addr, config.DBName, config.Logger = user, "unix", s.Socket(), database, &driver.NopLogger{}
	config.Collation, config.ConnectionAttributes = "utf8mb4_general_ci", "program_name:"+user
	connector, err := driver.NewConnector(config)
	if err != nil {
		t.Fatal(err)
	}
	pool := sql.OpenDB(connector)
	conn, err := pool.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	return connection{conn}
}

// made are names for the databases of tests, one after the other.
func made() func() string {
	var mu sync.Mutex
	n := 0
	return func() string {
		mu.Lock()
		defer mu.Unlock()
		n++
		return fmt.Sprintf("my_shop %d", n)
	}
}

func subject(t *testing.T, s *instance.Server) migrationtest.Subject {
	name := made()
	return migrationtest.Subject{Engine: migrationtest.MySQL, Dialect: dialect(), Acts: migrationtest.Acts{
		Empty: func(t *testing.T) string {
			next := name()
			database(t, s, next)
			return next
		},
		Watch: func(t *testing.T, database string) func(*testing.T) understudy.Observation {
			w, err := mysqlwatch.Start(t.Context(), mysqlwatch.Spec{URL: s.URL(database), User: "migration"})
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
		Session: func(t *testing.T, database string, migration bool) migrationtest.Session {
			if migration {
				return connect(t, s, database, "migration")
			}
			return connect(t, s, database, "shop")
		},
		Left: func(t *testing.T, database string) string { return settings(t, s) },
	}}
}

// settings are those of performance_schema, and who is signed in as root, apart from who asks.
func settings(t *testing.T, s *instance.Server) string {
	t.Helper()
	var all []string
	for _, query := range []string{
		"SELECT CONCAT(NAME, ENABLED) FROM performance_schema.setup_consumers ORDER BY 1",
		"SELECT CONCAT(NAME, ENABLED, TIMED) FROM performance_schema.setup_instruments ORDER BY 1",
		"SELECT CONCAT(NAME, TIMER_NAME) FROM performance_schema.setup_timers ORDER BY 1",
	} {
		rows, err := mysqltest.Open(t, s, "").Query(query)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				t.Fatal(err)
			}
			all = append(all, line)
		}
		if err := rows.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return strings.Join(all, "\n")
}

func dialect() migrationtest.Dialect {
	relation := func(table string) string { return "main." + table }
	return migrationtest.Dialect{
		Filled: func(table string, rows int) []string {
			return []string{
				"CREATE TABLE " + table + " (id int PRIMARY KEY, status varchar(20), note varchar(40))",
				fmt.Sprintf("INSERT INTO %s SELECT seq, 'new', md5(seq) FROM seq_1_to_%d", table, rows),
				"ANALYZE TABLE " + table,
			}
		},
		Big:      100_000,
		Relation: relation, Locked: relation,
		Slow:    "ALTER TABLE orders ADD INDEX by_note (note), ALGORITHM=COPY",
		Online:  "CREATE INDEX by_note ON orders (note)",
		Rewrite: []string{"ALTER TABLE orders MODIFY id bigint"},
		Hold:    []string{"LOCK TABLES orders READ"}, Release: []string{"UNLOCK TABLES"},
		DropIndex: "DROP INDEX by_note ON orders",
	}
}

func TestWatch_SeesWhatEveryEnginesWatcherSees(t *testing.T) {
	migrationtest.Run(t, subject(t, watched(t)))
}
