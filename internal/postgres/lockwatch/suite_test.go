package lockwatch_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/migration/migrationtest"
	"understudy/internal/postgres/postgrestest"
)

// suiteSession is a session for the suite of all engines.
type suiteSession struct{ conn *pgx.Conn }

func (s suiteSession) Exec(ctx context.Context, statement string) error {
	_, err := s.conn.Exec(ctx, statement)
	return err
}

func TestWatch_SeesWhatEveryEnginesWatcherSees(t *testing.T) {
	stages := map[string]*postgrestest.Server{}
	at := func(t *testing.T, name string) stage { return stage{T: t, c: stages[name], name: name, gate: true} }
	migrationtest.Run(t, migrationtest.Subject{Engine: migrationtest.Postgres, Dialect: suiteDialect(), Acts: migrationtest.Acts{
		Empty: func(t *testing.T) string {
			c, name := postgrestest.Database(t)
			stages[name] = c
			return name
		},
		Watch: func(t *testing.T, name string) func(*testing.T) understudy.Observation {
			s := at(t, name)
			w := s.watch()
			return func(t *testing.T) understudy.Observation { return s.stop(w) }
		},
		Session: func(t *testing.T, name string, migration bool) migrationtest.Session {
			if migration {
				return suiteSession{at(t, name).session("migration")}
			}
			return suiteSession{at(t, name).session("shop")}
		},
		Left: func(t *testing.T, name string) string {
			conn := at(t, name).session("test")
			defer conn.Close(context.Background())
			var left string
			err := conn.QueryRow(t.Context(), `SELECT concat_ws(', ', current_setting('synchronous_standby_names'), (SELECT count(*) FROM pg_replication_slots),
				(SELECT count(*) FROM pg_file_settings WHERE sourcefile LIKE '%auto.conf'))`).Scan(&left)
			if err != nil {
				t.Fatal(err)
			}
			return left
		},
	}})
}

func suiteDialect() migrationtest.Dialect {
	relation := func(table string) string { return "public." + table }
	return migrationtest.Dialect{
		Filled: func(table string, rows int) []string {
			return []string{
				"CREATE TABLE " + table + " (id int PRIMARY KEY, status varchar(20), note text)",
				fmt.Sprintf("INSERT INTO %s SELECT g, 'new', md5(g::text) FROM generate_series(1, %d) g", table, rows),
				"ANALYZE " + table,
			}
		},
		Big:      100_000,
		Relation: relation, Locked: relation,
		Slow: "CREATE INDEX by_note ON orders (note)", Online: "CREATE INDEX CONCURRENTLY by_note ON orders (note)", DropIndex: "DROP INDEX by_note",
		Rewrite: []string{"ALTER TABLE orders ALTER COLUMN id TYPE bigint"},
		Hold:    []string{"BEGIN", "LOCK TABLE orders IN SHARE MODE"}, Release: []string{"COMMIT"},
	}
}
