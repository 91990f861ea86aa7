package mysqlwatch_test

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	"understudy"
	"understudy/internal/mysql/instance"
	"understudy/internal/mysql/mysqltest"
	"understudy/internal/mysql/mysqlwatch"
)

// scene is a database with a table of some rows, and a session of the migration.
type scene struct {
	*testing.T
	server    *instance.Server
	database  string
	migration connection
}

func setScene(t *testing.T, s *instance.Server, name string, statements ...string) scene {
	t.Helper()
	database(t, s, name)
	sc := scene{T: t, server: s, database: name, migration: connect(t, s, name, "migration")}
	sc.do(connect(t, s, name, "shop"), append(dialect().Filled("orders", 20_000), statements...)...)
	return sc
}

func (s scene) do(c connection, statements ...string) {
	s.Helper()
	for _, statement := range statements {
		if err := c.Exec(s.Context(), statement); err != nil {
			s.Fatalf("%s: %v", statement, err)
		}
	}
}

func (s scene) watch(ctx context.Context) *mysqlwatch.Watch {
	s.Helper()
	w, err := mysqlwatch.Start(ctx, mysqlwatch.Spec{URL: s.server.URL(s.database), User: "migration"})
	if err != nil {
		s.Fatal(err)
	}
	return w
}

func (s scene) seen(statements ...string) understudy.Observation {
	s.Helper()
	w := s.watch(s.Context())
	s.do(s.migration, statements...)
	seen, err := w.Stop(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	return seen
}

// waits comes back once somebody waits for a table of the database.
func (s scene) waits() {
	s.Helper()
	looks := mysqltest.Open(s.T, s.server, "")
	for until := time.Now().Add(2 * time.Minute); ; {
		var found bool
		if err := looks.QueryRow("SELECT COUNT(*) > 0 FROM information_schema.PROCESSLIST WHERE DB = ? AND STATE = 'Waiting for table metadata lock'", s.database).Scan(&found); err != nil {
			s.Fatal(err)
		}
		if found {
			return
		}
		if time.Now().After(until) {
			s.Fatal("nobody ever waited")
		}
	}
}

func tableIn(seen understudy.Observation, name string) understudy.TableChange {
	for _, c := range seen.Tables {
		if c.Relation == "main."+name {
			return c
		}
	}
	return understudy.TableChange{}
}

func strongest(seen understudy.Observation, name string, stops understudy.Stops) (found understudy.ObservedLock) {
	for _, l := range seen.Locks {
		if l.Relation == "main."+name && l.Stops == stops && l.Held >= found.Held {
			found = l
		}
	}
	return found
}

func TestWatch_OfOneServer(t *testing.T) {
	s := watched(t)
	for name, claim := range map[string]func(*testing.T, *instance.Server){
		"tells how each table was altered, by what the server did": toldHow, "a short session is the migration's by the count of connections": shortSession,
		"puts the server's settings back when its context ends": endsWithContext, "a table that took another's name": swapped, "emptied tables and counters": emptied,
		"sees a statement begin": begins, "wants to know whose the migration is": whoseIsNeeded,
	} {
		t.Run(name, func(t *testing.T) { claim(t, s) })
	}
}

func toldHow(t *testing.T, s *instance.Server) {
	for name, c := range map[string]struct {
		statement, how string
		rewritten      bool
		writersOut     bool
	}{
		"add a column":         {"ALTER TABLE orders ADD COLUMN x int", "INSTANT", false, false},
		"widen a text":         {"ALTER TABLE orders MODIFY status varchar(30)", "INSTANT", false, false},
		"index in place":       {"CREATE INDEX by_note ON orders (note)", "INPLACE", false, false},
		"index, writers out":   {"ALTER TABLE orders ADD INDEX by_note (note), LOCK=SHARED", "INPLACE", false, true},
		"rebuild in place":     {"ALTER TABLE orders FORCE", "INPLACE", true, false},
		"rebuild, writers out": {"ALTER TABLE orders FORCE, LOCK=SHARED", "INPLACE", true, true},
		"copy":                 {"ALTER TABLE orders MODIFY id bigint", "COPY", true, true},
	} {
		t.Run(name, func(t *testing.T) {
			sc := setScene(t, s, "how "+name)
			seen := sc.seen(c.statement)
			change := tableIn(seen, "orders")
			if change.How != c.how || change.Rewritten != c.rewritten {
				t.Errorf("%s: %q, written anew %v; tables %+v", c.statement, change.How, change.Rewritten, seen.Tables)
			}
			if out := strongest(seen, "orders", understudy.StopsWrites); (out.Held > 0) != c.writersOut {
				t.Errorf("writers were kept out: %+v", seen.Locks)
			}
			if l := strongest(seen, "orders", understudy.StopsAll); l.Mode != "EXCLUSIVE" || l.HeldMost < l.Held {
				t.Errorf("locks: %+v", seen.Locks)
			}
			if !seen.Exact.Exclusive || !seen.Exact.Waits || !seen.Exact.Writes || seen.Exact.Locks {
				t.Errorf("exact: %+v, notes %q", seen.Exact, seen.Notes)
			}
		})
	}
}

// shortSession runs the machine's own client, which is gone at once.
func shortSession(t *testing.T, s *instance.Server) {
	sc := setScene(t, s, "short")
	w, err := mysqlwatch.Start(t.Context(), mysqlwatch.Spec{URL: s.URL("short"), User: "migration", Every: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{"ALTER TABLE orders ADD COLUMN x int", "UPDATE orders SET x = 1 WHERE id <= 5"} {
		out, err := exec.Command("mariadb", "--no-defaults", "-umigration", "-S", s.Socket(), "short", "-e", statement).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	seen, err := w.Stop(sc.Context())
	if err != nil {
		t.Fatal(err)
	}
	if l := strongest(seen, "orders", understudy.StopsAll); l.Mode != "EXCLUSIVE" || !seen.Exact.Writes || tableIn(seen, "orders").Updated != 5 {
		t.Errorf("exact %+v, locks %+v, tables %+v, notes %q", seen.Exact, seen.Locks, seen.Tables, seen.Notes)
	}
}

// begins sees a statement while it runs, and says no more once it has ended.
func begins(t *testing.T, s *instance.Server) {
	sc := setScene(t, s, "begins")
	c, seen := connect(t, s, "begins", "migration"), make(chan bool, 1)
	spec := mysqlwatch.Spec{URL: s.URL("begins"), User: "migration"}
	go func() {
		begins, err := mysqlwatch.Begins(sc.Context(), spec, "SELECT SLEEP(?)")
		if err != nil {
			t.Error(err)
		}
		seen <- begins
	}()
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-seen; cancel() }()
	if err := c.Exec(ctx, "SELECT SLEEP(60)"); ctx.Err() == nil {
		t.Errorf("it was not seen to run: %v", err)
	}
}

func endsWithContext(t *testing.T, s *instance.Server) {
	sc := setScene(t, s, "ended")
	before := settings(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	w := sc.watch(ctx)
	if settings(t, s) == before {
		t.Error("nothing was switched on")
	}
	cancel()
	if _, err := w.Stop(t.Context()); understudy.KindOf(err) != understudy.KindUnavailable {
		t.Errorf("got %v", err)
	}
	if settings(t, s) != before {
		t.Error("the settings are not as they were")
	}
	if _, err := w.Stop(t.Context()); understudy.KindOf(err) != understudy.KindConflict {
		t.Errorf("a second stop: %v", err)
	}
}

func swapped(t *testing.T, s *instance.Server) {
	sc := setScene(t, s, "swapped")
	seen := sc.seen("CREATE TABLE fresh LIKE orders", "ALTER TABLE fresh MODIFY id bigint", "INSERT INTO fresh SELECT * FROM orders", "RENAME TABLE orders TO old_orders, fresh TO orders")
	if c := tableIn(seen, "orders"); !c.Rewritten {
		t.Errorf("tables: %+v", seen.Tables)
	}
	if l := strongest(seen, "orders", understudy.StopsAll); !strings.HasPrefix(l.Statement, "RENAME TABLE") {
		t.Errorf("locks: %+v", seen.Locks)
	}
}

func emptied(t *testing.T, s *instance.Server) {
	sc := setScene(t, s, "emptied", "CREATE TABLE counted (id tinyint AUTO_INCREMENT PRIMARY KEY)", "INSERT INTO counted VALUES (100)")
	seen := sc.seen("TRUNCATE TABLE orders", "ALTER TABLE counted MODIFY id smallint AUTO_INCREMENT")
	if c := tableIn(seen, "orders"); !c.Emptied || c.Rewritten {
		t.Errorf("tables: %+v", seen.Tables)
	}
	if len(seen.Objects) != 1 || seen.Objects[0].Kind != "sequence" || seen.Objects[0].Name != "id" || seen.Objects[0].Room < 0.003 || seen.Objects[0].Room > 0.0031 {
		t.Errorf("objects: %+v", seen.Objects)
	}
}

func whoseIsNeeded(t *testing.T, s *instance.Server) {
	if _, err := mysqlwatch.Start(t.Context(), mysqlwatch.Spec{URL: s.URL("mysql")}); understudy.KindOf(err) != understudy.KindInvalid {
		t.Errorf("got %v", err)
	}
	if _, err := mysqlwatch.Start(t.Context(), mysqlwatch.Spec{URL: "mysql://root@/shop?socket=/nowhere", User: "x"}); understudy.KindOf(err) != understudy.KindUnavailable {
		t.Errorf("got %v", err)
	}
}

func TestWatch_OfAServerWithoutPerformanceSchemaSeesWhatThereIsAndSaysSo(t *testing.T) {
	s := mysqltest.Server(t)
	url, name := mysqltest.Database(t)
	database(t, s, name)
	sc := scene{T: t, server: s, database: name, migration: connect(t, s, name, "migration")}
	shop := connect(t, s, name, "shop")
	sc.do(shop, dialect().Filled("orders", 10)...)
	w, err := mysqlwatch.Start(t.Context(), mysqlwatch.Spec{URL: url, User: "migration"})
	if err != nil {
		t.Fatal(err)
	}
	sc.do(sc.migration, "LOCK TABLES orders WRITE")
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		sc.do(shop, "UPDATE orders SET note = 'Mata Hari' WHERE id = 1")
	}()
	sc.waits()
	sc.do(sc.migration, "SELECT SLEEP(1), 'Mata Hari'", "UNLOCK TABLES", "ALTER TABLE orders MODIFY id bigint")
	<-ended
	seen, err := w.Stop(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(seen.Waits) != 1 || seen.Waits[0].For < 200*time.Millisecond || seen.Waits[0].Statement != "UPDATE orders SET note = ? WHERE id = ?" || seen.Waits[0].By != "SELECT SLEEP(?), ?" {
		t.Errorf("waits: %+v", seen.Waits)
	}
	if seen.Exact != (understudy.Exactness{}) || !strings.Contains(strings.Join(seen.Notes, " "), "performance_schema is off") {
		t.Errorf("exact %+v, notes %q", seen.Exact, seen.Notes)
	}
	if c := tableIn(seen, "orders"); !c.Rewritten {
		t.Errorf("tables: %+v", seen.Tables)
	}
}
