package sqlitewatch_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"understudy"
	"understudy/internal/sqlite/sqlitewatch"
)

// scene is a database with a program that changes it.
type scene struct {
	*testing.T
	path      string
	migration *actor
}

func setScene(t *testing.T, statements ...string) scene {
	t.Helper()
	s := scene{T: t, path: filepath.Join(t.TempDir(), "shop.db")}
	s.migration = newActor(t, s.path)
	s.do(statements...)
	return s
}

func (s scene) do(statements ...string) {
	s.Helper()
	for _, statement := range statements {
		if err := s.migration.Exec(s.Context(), statement); err != nil {
			s.Fatalf("%s: %v", statement, err)
		}
	}
}

func (s scene) seen(statements ...string) understudy.Observation {
	s.Helper()
	w, err := sqlitewatch.Start(s.Context(), sqlitewatch.Spec{Database: "sqlite://" + s.path})
	if err != nil {
		s.Fatal(err)
	}
	s.do(statements...)
	seen, err := w.Stop(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	return seen
}

func TestWatch_ATableWrittenAnewLosesItsStatisticsAndMayBreakTheKeysOfOthers(t *testing.T) {
	t.Parallel()
	s := setScene(t, "CREATE TABLE people (id INTEGER PRIMARY KEY, city TEXT)", "CREATE INDEX cities ON people (city)",
		"CREATE TABLE orders (id INTEGER PRIMARY KEY, buyer INTEGER REFERENCES people (id))", "INSERT INTO people VALUES (1, 'a'), (2, 'b')", "INSERT INTO orders VALUES (1, 1), (2, 2)", "ANALYZE",
		"CREATE TRIGGER watched AFTER INSERT ON people BEGIN SELECT 1; END")
	seen := s.seen("PRAGMA foreign_keys = OFF", "BEGIN", "CREATE TABLE fresh (id INTEGER PRIMARY KEY, city TEXT NOT NULL)", "INSERT INTO fresh SELECT * FROM people WHERE id = 1",
		"DROP TABLE people", "ALTER TABLE fresh RENAME TO people", "CREATE INDEX cities ON people (city)", "COMMIT")
	var people understudy.TableChange
	for _, c := range seen.Tables {
		if c.Relation == "main.people" {
			people = c
		}
	}
	if !people.Rewritten || people.Rows != 2 || people.Deleted != 1 || len(people.Columns) != 1 || !people.Columns[0].NotNull || !people.Columns[0].LostStatistics {
		t.Errorf("tables: %+v", seen.Tables)
	}
	if len(seen.Constraints) != 1 || !seen.Constraints[0].NotValid || seen.Constraints[0].Table != "main.orders" || !strings.Contains(strings.Join(seen.Notes, "\n"), "1 rows of main.orders break") {
		t.Errorf("constraints %+v, notes %q", seen.Constraints, seen.Notes)
	}
	if len(seen.Objects) != 1 || !seen.Objects[0].Gone || seen.Objects[0].Name != "watched" || seen.Objects[0].Kind != "trigger" {
		t.Errorf("objects: %+v", seen.Objects)
	}
	if len(seen.Indexes) != 0 {
		t.Errorf("the index is as it was: %+v", seen.Indexes)
	}
}

func TestWatch_ANewForeignKeyWithoutAnIndexIsTold(t *testing.T) {
	t.Parallel()
	s := setScene(t, "CREATE TABLE people (id INTEGER PRIMARY KEY)", "CREATE TABLE orders (id INTEGER PRIMARY KEY)")
	seen := s.seen("ALTER TABLE orders ADD COLUMN buyer INTEGER REFERENCES people (id)", "CREATE VIEW buyers AS SELECT buyer FROM orders")
	if len(seen.Constraints) != 1 || !seen.Constraints[0].New || !seen.Constraints[0].Unindexed || seen.Constraints[0].References != "main.people" {
		t.Errorf("constraints: %+v", seen.Constraints)
	}
	if len(seen.Objects) != 1 || seen.Objects[0].Kind != "view" || !seen.Objects[0].New {
		t.Errorf("objects: %+v", seen.Objects)
	}
}

func TestWatch_EndsOnceAndWithItsContext(t *testing.T) {
	t.Parallel()
	s := setScene(t, "CREATE TABLE t (id INTEGER PRIMARY KEY)")
	ctx, cancel := context.WithCancel(t.Context())
	w, err := sqlitewatch.Start(ctx, sqlitewatch.Spec{Database: s.path})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := w.Stop(t.Context()); understudy.KindOf(err) != understudy.KindUnavailable {
		t.Errorf("got %v", err)
	}
	if _, err := w.Stop(t.Context()); understudy.KindOf(err) != understudy.KindConflict {
		t.Errorf("a second stop: %v", err)
	}
	if _, err := sqlitewatch.Start(t.Context(), sqlitewatch.Spec{Database: s.path + "2"}); understudy.KindOf(err) != understudy.KindNotFound {
		t.Errorf("got %v", err)
	}
}
