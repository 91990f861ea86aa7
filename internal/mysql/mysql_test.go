package mysql_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"understudy"
	"understudy/internal/mysql"
)

func unmasked(string, []understudy.Column) (understudy.TableMasks, error) {
	return understudy.TableMasks{}, nil
}

func copyTree(_ context.Context, from, to string) error {
	return os.CopyFS(to, os.DirFS(filepath.Clean(from)))
}

// runs runs statements one by one.
func runs(t *testing.T, at string, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if err := run(t.Context(), at, statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// reader is the URL of an account of a name that holds these rights on the database.
func reader(t *testing.T, at, name, rights string) string {
	t.Helper()
	database := strings.TrimPrefix(mustParse(t, at).Path, "/")
	runs(t, at, "CREATE USER '"+name+"'@'localhost'", "GRANT "+rights+" ON `"+database+"`.* TO '"+name+"'@'localhost'")
	t.Cleanup(func() {
		if err := run(context.Background(), at, "DROP USER '"+name+"'@'localhost'"); err != nil {
			t.Error(err)
		}
	})
	return strings.Replace(at, "root@", name+"@", 1)
}

const readingRights = "SELECT, SHOW VIEW, TRIGGER, EVENT"

// noticed copies, and is what was said of it.
func noticed(t *testing.T, spec mysql.Spec) string {
	t.Helper()
	var said []string
	spec.Masks, spec.Notice = unmasked, func(sentence string) { said = append(said, sentence) }
	if _, err := mysql.Copy(t.Context(), spec); err != nil {
		t.Fatalf("copying: %v (hint: %s)", err, understudy.HintOf(err))
	}
	return strings.Join(said, "\n")
}

func TestCopy_ReadsOverOneConnectionWhereTheLockIsNotPermitted(t *testing.T) {
	t.Parallel()
	from := empty(t)
	runs(t, from, "CREATE TABLE a (id int PRIMARY KEY)", "CREATE TABLE b (id int PRIMARY KEY)", "INSERT INTO a VALUES (1)", "INSERT INTO b VALUES (1)")
	if said := noticed(t, mysql.Spec{Source: reader(t, from, "plain", readingRights), Target: empty(t)}); !strings.Contains(said, "GRANT RELOAD") {
		t.Errorf("said %q", said)
	}
	if said := noticed(t, mysql.Spec{Source: from, Target: empty(t)}); said != "" {
		t.Errorf("with all rights it said %q", said)
	}
}

func TestCopy_NamesTheGrantForTheBodyOfARoutine(t *testing.T) {
	t.Parallel()
	from := empty(t)
	runs(t, from, "CREATE PROCEDURE p() SELECT 1")
	_, err := mysql.Copy(t.Context(), mysql.Spec{Source: reader(t, from, "bodyless", readingRights+", EXECUTE"), Target: empty(t), Masks: unmasked})
	if understudy.KindOf(err) != understudy.KindRefused || !strings.Contains(understudy.HintOf(err), "GRANT SELECT ON mysql.proc TO bodyless") {
		t.Errorf("got %v (hint %q)", err, understudy.HintOf(err))
	}
}

func TestCopy_TellsOfTablesThatHaveNoMoment(t *testing.T) {
	t.Parallel()
	from := empty(t)
	runs(t, from, "CREATE TABLE quick (id int) ENGINE=MyISAM", "INSERT INTO quick VALUES (1)", "CREATE TABLE kept (id int) WITH SYSTEM VERSIONING")
	said := noticed(t, mysql.Spec{Source: from, Target: empty(t)})
	if !strings.Contains(said, "table main.quick is kept by MyISAM") || !strings.Contains(said, "table main.kept keeps its own history") {
		t.Errorf("said %q", said)
	}
}

func TestCopy_LeavesOutAViewThatIsBrokenInProduction(t *testing.T) {
	t.Parallel()
	from := empty(t)
	runs(t, from, "CREATE TABLE a (id int)", "CREATE VIEW broken AS SELECT id FROM a", "CREATE VIEW whole AS SELECT 1 AS x", "DROP TABLE a", "CREATE TABLE b (id int)")
	to := empty(t)
	if said := noticed(t, mysql.Spec{Source: from, Target: to}); !strings.Contains(said, "view broken does not work in production either") {
		t.Errorf("said %q", said)
	}
	if got, err := rows(t.Context(), to, "SELECT x FROM whole"); err != nil || got[0] != "1" {
		t.Errorf("found %v: %v", got, err)
	}
}

func TestCopy_KeepsRowsThatBreakAForeignKeyInProduction(t *testing.T) {
	t.Parallel()
	from := empty(t)
	runs(t, from, "CREATE TABLE parent (id int PRIMARY KEY)", "CREATE TABLE child (id int PRIMARY KEY, parent int, FOREIGN KEY fk (parent) REFERENCES parent (id))",
		"SET foreign_key_checks = 0; INSERT INTO child VALUES (1, 7)")
	to := empty(t)
	if said := noticed(t, mysql.Spec{Source: from, Target: to}); !strings.Contains(said, "1 rows of main.child break foreign key") {
		t.Errorf("said %q", said)
	}
}

func TestCopy_TellsASchemaChangeOfATableThatIsNotBeingRead(t *testing.T) {
	t.Parallel()
	from := empty(t)
	runs(t, from, "CREATE TABLE a (id int PRIMARY KEY, word varchar(9))", "INSERT INTO a VALUES (1, 'x')")
	var once atomic.Bool
	masks := func(table string, columns []understudy.Column) (understudy.TableMasks, error) {
		return understudy.TableMasks{Columns: map[string]understudy.Mask{"word": {Name: "test", Apply: func(value []byte) ([]byte, error) {
			if once.CompareAndSwap(false, true) {
				return value, run(context.Background(), from, "CREATE TABLE later (id int)")
			}
			return value, nil
		}}}}, nil
	}
	to := empty(t)
	_, err := mysql.Copy(t.Context(), mysql.Spec{Source: from, Target: to, Masks: masks})
	if understudy.KindOf(err) != understudy.KindConflict || !strings.Contains(err.Error(), "was changed while it was copied") {
		t.Fatalf("got %v", err)
	}
	if left, err := rows(t.Context(), to, "SHOW TABLES"); err != nil || len(left) != 0 {
		t.Errorf("the target holds %v: %v", left, err)
	}
}

func TestCopy_ShowsOriginalsAndKeepsThePace(t *testing.T) {
	t.Parallel()
	from := empty(t)
	runs(t, from, "CREATE TABLE a (id int PRIMARY KEY, word varchar(9))", "INSERT INTO a VALUES (1, 'x'), (2, NULL)")
	var seen atomic.Int64
	_, err := mysql.Copy(t.Context(), mysql.Spec{
		Source: from, Target: empty(t), Rate: 1 << 30,
		Masks: func(string, []understudy.Column) (understudy.TableMasks, error) {
			return understudy.TableMasks{Columns: map[string]understudy.Mask{"word": {Name: "test", Apply: func([]byte) ([]byte, error) { return []byte("y"), nil }}}}, nil
		},
		Observe: func(table, column string, original, masked []byte) {
			if table == "main.a" && column == "word" && string(original) == "x" && string(masked) == "y" {
				seen.Add(1)
			}
		},
	})
	if err != nil || seen.Load() != 1 {
		t.Errorf("saw %d: %v", seen.Load(), err)
	}
}

func TestCopy_TakesTheRightsOfARoleForTheAccounts(t *testing.T) {
	t.Parallel()
	from := empty(t)
	database := strings.TrimPrefix(mustParse(t, from).Path, "/")
	runs(t, from, "CREATE TABLE a (id int PRIMARY KEY)", "CREATE ROLE reading", "GRANT "+readingRights+" ON `"+database+"`.* TO reading",
		"CREATE USER 'player'@'localhost'", "GRANT reading TO 'player'@'localhost'", "SET DEFAULT ROLE reading FOR 'player'@'localhost'")
	t.Cleanup(func() {
		if err := run(context.Background(), from, "DROP USER 'player'@'localhost'; DROP ROLE reading"); err != nil {
			t.Error(err)
		}
	})
	_ = noticed(t, mysql.Spec{Source: strings.Replace(from, "root@", "player@", 1), Target: empty(t)})
}
