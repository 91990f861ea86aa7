package alone_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"understudy"
	"understudy/internal/alone"
	"understudy/internal/cli"
	"understudy/internal/mysql/mysqltest"
	"understudy/internal/postgres/postgrestest"
	"understudy/internal/seal"
	"understudy/internal/supervisor"
)

// shop is a production with some rows, whose tables belong to a role of their own.
func shop(t *testing.T) (url string) {
	t.Helper()
	spec := postgrestest.Spec(postgrestest.Folder(t), 0)
	spec.Preload = []string{"pg_stat_statements"}
	server := postgrestest.Started(t, spec)
	postgrestest.Exec(t, server, "postgres", "CREATE ROLE shop LOGIN")
	if _, err := server.EnsureDatabase(t.Context(), "shop", "shop", nil); err != nil {
		t.Fatal(err)
	}
	postgrestest.Exec(t, server, "shop", `SET ROLE shop;
		CREATE TABLE customers (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text, mail varchar(40));
		CREATE TABLE orders (id int PRIMARY KEY, customer int REFERENCES customers, total numeric);
		CREATE TABLE visits (at bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, no int GENERATED ALWAYS AS (1) STORED);
		INSERT INTO customers (name, mail) SELECT 'Name ' || n, n || '@example.org' FROM generate_series(1, 3000) n;
		INSERT INTO visits DEFAULT VALUES;
		INSERT INTO orders SELECT n, 1 + n % 3000, n FROM generate_series(1, 20000) n;
		CREATE INDEX orders_total ON orders (total);
		ANALYZE customers, orders`)
	return server.AdminURL("shop")
}

func order(url string, command ...string) cli.MigrationOrder {
	return cli.MigrationOrder{
		Database: url, Command: command, URLEnv: "DATABASE_URL", Unmasked: true, Rate: 100, Timeout: time.Minute,
		Policy:  understudy.Policy{BlockedFor: time.Second, LockTimeout: 500 * time.Millisecond, Retries: 2},
		Copying: understudy.Copying{Rate: -1},
	}
}

// psql runs statements, each in a transaction of its own, until one fails.
func psql(statements ...string) []string {
	args := []string{"psql", "-X", "-q", "-v", "ON_ERROR_STOP=1"}
	for _, s := range statements {
		args = append(args, "-c", s)
	}
	return args
}

func rehearse(t *testing.T, o cli.MigrationOrder) understudy.Rehearsal {
	t.Helper()
	tried, _ := rehearseTold(t, o)
	return tried
}

func rehearseTold(t *testing.T, o cli.MigrationOrder) (understudy.Rehearsal, string) {
	t.Helper()
	var told []string
	tried, err := alone.RehearseMigration(t.Context(), o, func(text string) { told = append(told, text) }, func(understudy.Rehearsal) {})
	if err != nil {
		t.Fatalf("%v, after %q", err, told)
	}
	for _, c := range tried.Checks {
		t.Logf("%s %s: %s", c.Name, c.Outcome, c.Summary)
		for _, f := range c.Findings {
			t.Logf("  %s %s %s: %s", f.Severity, f.Code, f.Subject, f.Seen)
		}
	}
	return tried, strings.Join(told, "\n")
}

func codes(r understudy.Rehearsal) []string {
	var out []string
	for _, f := range r.Findings() {
		out = append(out, f.Code)
	}
	return out
}

func TestRehearseMigration_FindsWhatAnOldReleaseWouldMeet(t *testing.T) {
	t.Parallel()
	o := order(shop(t), psql("ALTER TABLE customers ADD COLUMN IF NOT EXISTS phone text", "ALTER TABLE customers RENAME COLUMN name TO full_name", "DROP INDEX IF EXISTS orders_total")...)
	o.Traffic = filepath.Join(t.TempDir(), "shop.sql")
	write(t, o.Traffic, "-- args: int 1 3000\nSELECT name FROM customers WHERE id = $1;\n-- weight: 3\n-- args: int 1 20000\nSELECT id FROM orders WHERE total = $1::bigint::numeric;\n")
	o.Evidence = filepath.Join(t.TempDir(), "evidence")
	r := rehearse(t, o)
	if r.State != understudy.RehearsalFailed || !slices.Contains(codes(r), "compatibility.old-release-breaks") || !slices.Contains(codes(r), "migration.plan-changed") {
		t.Errorf("it is %s: %q", r.State, codes(r))
	}
	for _, f := range r.Findings() {
		if f.Code == "compatibility.old-release-breaks" && !strings.Contains(f.Seen, "42703") {
			t.Errorf("it does not say what the server said: %s", f.Seen)
		}
		if f.Code == "migration.plan-changed" && (!strings.Contains(f.Seen, "after:  Seq Scan orders") || !strings.Contains(f.Seen, "75 % of the declared statements")) {
			t.Errorf("of the plans it says: %s", f.Seen)
		}
	}
	if kept, err := os.ReadDir(o.Evidence); err != nil || len(kept) < 4 {
		t.Errorf("the evidence: %v, %v", kept, err)
	}
}

func TestRehearseMigration_LetsAQuietOnePassThereAndBack(t *testing.T) {
	t.Parallel()
	url := shop(t)
	conn := postgrestest.Connected(t, url)
	postgrestest.Runs(t, conn, `CREATE EXTENSION pg_stat_statements`)
	postgrestest.Answer(t, conn, `SELECT name FROM customers WHERE id = 7`)
	for role, says := range map[string]string{"somebody": "there is no role somebody", postgrestest.Answer(t, conn, "SELECT current_user"): "is a superuser"} {
		o := order(url, "true")
		o.Role = role
		if _, err := alone.RehearseMigration(t.Context(), o, func(string) {}, func(understudy.Rehearsal) {}); understudy.KindOf(err) != understudy.KindInvalid || !strings.Contains(err.Error(), says) {
			t.Errorf("as %s it is tried: %v", role, err)
		}
	}
	o := order(url, "sh", "-c", `psql "$DATABASE_URL" -X -q -v ON_ERROR_STOP=1 -c 'SET lock_timeout = 2000' -c 'ALTER TABLE orders ADD COLUMN IF NOT EXISTS note text'`)
	o.Policy.BlockedFor, o.Policy.LockTimeout = 10*time.Second, 5*time.Second // a machine that is slow just now is no finding
	o.Down = []string{"sh", "-c", `psql "{url}" -X -q -v ON_ERROR_STOP=1 -c 'ALTER TABLE orders DROP COLUMN note'`}
	r := rehearse(t, o)
	if r.State != understudy.RehearsalPassed {
		t.Errorf("it is %s: %q", r.State, codes(r))
	}
	if f := planFigure(t, r); f.Value < 1 {
		t.Errorf("of the database's busiest statements %v were planned: %s", f.Value, f.Basis)
	}
	for _, c := range r.Checks {
		if c.Outcome != understudy.OutcomePassed {
			t.Errorf("%s is %s: %s", c.Name, c.Outcome, c.Summary)
		}
	}
}

func planFigure(t *testing.T, r understudy.Rehearsal) understudy.Figure {
	t.Helper()
	for _, c := range r.Checks {
		for _, f := range c.Figures {
			if f.Name == "busiest statements planned before and after" {
				return f
			}
		}
	}
	t.Fatal("it is not said whether plans were compared")
	return understudy.Figure{}
}

func TestRehearseMigration_SendsItsUsualTrafficToPartitionsByTheirWholeKey(t *testing.T) {
	t.Parallel()
	url := shop(t)
	postgrestest.Runs(t, postgrestest.Connected(t, url), `SET ROLE shop;
		CREATE TABLE "it's events" (id int, at timestamptz, said text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
		CREATE TABLE events_old PARTITION OF "it's events" FOR VALUES FROM ('2020-01-01') TO ('2025-01-01');
		CREATE TABLE events_new PARTITION OF "it's events" FOR VALUES FROM ('2025-01-01') TO ('2030-01-01');
		INSERT INTO "it's events" SELECT n, '2024-06-01 12:00:00.123456+02'::timestamptz + n * interval '1 hour', 'hello' FROM generate_series(1, 9000) n`)
	r := rehearse(t, order(url, psql(`ALTER TABLE "it's events" RENAME said TO says`)...))
	if r.State != understudy.RehearsalFailed || !slices.Contains(codes(r), "compatibility.old-release-breaks") {
		t.Errorf("it is %s: %q", r.State, codes(r))
	}
}

func TestRehearseMigration_TriesOneOfMariaDB(t *testing.T) {
	t.Parallel()
	source, name := mysqltest.Database(t)
	db := mysqltest.Open(t, mysqltest.Server(t), name)
	for _, statement := range []string{`CREATE TABLE orders (shop varchar(5), id int, status varchar(20), PRIMARY KEY (id, shop)) ENGINE=InnoDB`, `INSERT INTO orders SELECT 'here', seq, 'open' FROM seq_1_to_5000`} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	o := order(source, "sh", "-c", `mariadb -S "$MYSQL_UNIX_PORT" -u "$MYSQL_USER" "$MYSQL_DATABASE" -e 'ALTER TABLE orders CHANGE COLUMN IF EXISTS status state varchar(20)'`)
	r := rehearse(t, o)
	if f := planFigure(t, r); f.Value != 0 || !strings.Contains(f.Basis, "of PostgreSQL only") {
		t.Errorf("of plans it says %+v", f)
	}
	if r.State != understudy.RehearsalFailed || !slices.Contains(codes(r), "compatibility.old-release-breaks") {
		t.Errorf("it is %s: %q", r.State, codes(r))
	}
}

func TestRehearseMigration_TriesOneOfSQLite(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "100%25 shop.db")
	migrateSQLite(t, file, `CREATE TABLE orders (id integer PRIMARY KEY, status text); INSERT INTO orders VALUES (1, 'open'), (2, 'paid');
		CREATE TABLE codes (code text, kind int, says text, PRIMARY KEY (kind, code)); INSERT INTO codes VALUES (NULL, 1, 'a key of this engine may be NULL'), ('a', 2, 'b')`)
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	way, told := "up", "the command is not sealed off, whom it calls is called: "
	if seal.Supported() == nil { // else whoever is called would be
		way, told = "up and calls", "the command called payments.example.org by http, and was sealed off"
	}
	o := order(file, "sh", "-c", migratesSQLite+`="$2" exec "$0" "$1"`, program, "{path}", way)
	o.Down = []string{"sh", "-c", migratesSQLite + `=down exec "$0" "$1"`, program, "{path}"}
	r, said := rehearseTold(t, o)
	if !strings.Contains(said, told) {
		t.Errorf("it does not tell %q: %s", told, said)
	}
	if r.State != understudy.RehearsalPassed {
		t.Errorf("it is %s: %q", r.State, codes(r))
	}
}

func TestRehearseMigration_ReadsWhatItWasGivenBeforeItCopiesAnything(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "shop.sql")
	write(t, file, "SELECT 1")
	for claim, spoil := range map[string]func(*cli.MigrationOrder){
		"a traffic without an end": func(o *cli.MigrationOrder) { o.Traffic = file },
		"the same after it":        func(o *cli.MigrationOrder) { o.After = file },
		"a name that is none":      func(o *cli.MigrationOrder) { o.URLEnv = "A B" },
	} {
		o := order("postgres://127.0.0.1:1/nobody", "true") // who reaches for it gets another error
		spoil(&o)
		_, err := alone.RehearseMigration(t.Context(), o, func(string) {}, func(understudy.Rehearsal) {})
		if understudy.KindOf(err) != understudy.KindInvalid {
			t.Errorf("%s: %v", claim, err)
		}
	}
}

func TestRehearseMigration_SaysWhyThereIsNoTraffic(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "shop.db")
	migrateSQLite(t, file, `CREATE TABLE orders (id integer PRIMARY KEY, status text)`)
	r := rehearse(t, order(file, "true"))
	compatibility, _ := r.Done(understudy.CheckCompatibility)
	if compatibility.Outcome != understudy.OutcomeInconclusive || !strings.Contains(compatibility.Summary, "(no table has both rows and a primary key; name statements with --traffic)") {
		t.Errorf("it is %s: %s", compatibility.Outcome, compatibility.Summary)
	}
}

// migratesSQLite makes this program a migration of a file: up or down.
const migratesSQLite = "UNDERSTUDY_TEST_MIGRATES_SQLITE"

func TestMain(m *testing.M) {
	if programs := map[string]func(context.Context, io.Reader) error{"supervise": supervisor.Run, "tidy": alone.Tidy}; len(os.Args) > 1 && programs[os.Args[1]] != nil {
		if err := programs[os.Args[1]](context.Background(), os.Stdin); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if order := os.Getenv(killed); order != "" {
		if err := rehearseUntilKilled(order); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if order := os.Getenv(diesAt); order != "" {
		if err := die(order); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	way := os.Getenv(migratesSQLite)
	if way == "" {
		os.Exit(m.Run())
	}
	statement := `CREATE TABLE IF NOT EXISTS notes (id integer PRIMARY KEY, text text)`
	switch way {
	case "down":
		statement = `DROP TABLE notes`
	case "up and calls":
		if answer, err := http.Get("http://payments.example.org/charge"); err == nil {
			_ = answer.Body.Close() // who has answered is told by the seal
		}
	}
	if err := execSQLite(os.Args[1], statement); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func migrateSQLite(t *testing.T, file, statements string) {
	t.Helper()
	if err := execSQLite(file, statements); err != nil {
		t.Fatal(err)
	}
}

func execSQLite(file, statements string) error {
	db, err := sql.Open("sqlite", file+"?_pragma=busy_timeout(5000)")
	if err != nil {
		return err
	}
	_, err = db.Exec(statements)
	return errors.Join(err, db.Close())
}
