package sqltraffic_test

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	_ "github.com/jackc/pgx/v5/stdlib"

	"understudy/internal/postgres/postgrestest"
	"understudy/internal/sqltraffic"
)

func code(err error) string {
	if answer := new(pgconn.PgError); errors.As(err, &answer) {
		return answer.Code
	}
	return ""
}

// shop is a database with one table, and a pool of two connections on it.
func shop(t *testing.T, statements ...sqltraffic.Statement) (run func(random uint64) string, exec func(string)) {
	t.Helper()
	server := postgrestest.Started(t, postgrestest.Spec(postgrestest.Folder(t), 0))
	if _, err := server.EnsureDatabase(t.Context(), "shop", "", nil); err != nil {
		t.Fatal(err)
	}
	conn := postgrestest.Connected(t, server.AdminURL("shop"))
	postgrestest.Runs(t, conn, `CREATE TABLE orders (id int PRIMARY KEY, status varchar(20)); INSERT INTO orders SELECT n, 'open' FROM generate_series(1, 9) n`)
	db, err := sql.Open("pgx", server.AdminURL("shop"))
	if err != nil {
		t.Fatal(err)
	}
	if statements == nil {
		statements = sqltraffic.Usual([]sqltraffic.Table{
			{Name: "orders", Quoted: "public.orders", Columns: []string{"id", "status"}, Key: []string{"id"}, Changes: "id", Keys: [][]string{{"3"}, {"7"}}},
			{Name: "empty", Quoted: "public.empty", Key: []string{"id"}},
		}, func(int) string { return "$1" })
	}
	pool, err := sqltraffic.Open(t.Context(), db, statements, 2, code)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pool.Close(); err != nil {
			t.Error(err)
		}
	})
	return func(random uint64) string {
		act := pool.Choose(rand.New(rand.NewPCG(1, random)))
		if failed := act.Do(t.Context()); failed != "" {
			return act.Label + " → " + failed
		}
		return act.Label
	}, func(text string) { postgrestest.Runs(t, conn, text) }
}

// all are the outcomes of many visitors, each once.
func all(run func(uint64) string) []string {
	var mu sync.Mutex
	var wg sync.WaitGroup
	seen := map[string]bool{}
	for n := range 60 {
		wg.Go(func() {
			said := run(uint64(n))
			mu.Lock()
			defer mu.Unlock()
			seen[said] = true
		})
	}
	wg.Wait()
	var out []string
	for said := range seen {
		out = append(out, said)
	}
	slices.Sort(out)
	return out
}

func TestPool_ShowsWhatAnApplicationThatKeepsItsConnectionsWouldMeet(t *testing.T) {
	t.Parallel()
	run, exec := shop(t)
	expect := func(when, want string) {
		t.Helper()
		if got := strings.Join(all(run), ", "); got != want {
			t.Errorf("%s: %s, want %s", when, got, want)
		}
	}
	expect("before", "change orders, read orders")
	exec("ALTER TABLE orders ALTER status TYPE varchar(40)")
	expect("a wider column", "change orders, read orders → 0A000") // cached plan must not change result type
	exec("ALTER TABLE orders RENAME status TO state")
	expect("a column is gone", "change orders, read orders → 42703")
	exec("ALTER TABLE orders RENAME state TO status; ALTER TABLE orders ALTER status TYPE varchar(20)")
	expect("as before", "change orders, read orders")
}

func TestPool_ConnectsAgainAsPoolsDo(t *testing.T) {
	t.Parallel()
	run, exec := shop(t)
	exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'shop' AND pid <> pg_backend_pid()")
	broken := all(run)
	if again := strings.Join(all(run), ", "); again != "change orders, read orders" {
		t.Errorf("after %q: %s", broken, again)
	}
}

func TestPool_LeavesNothingOfWhatItUndoes(t *testing.T) {
	t.Parallel()
	run, exec := shop(t, sqltraffic.Statement{Name: "fill", Weight: 1, Undo: true, SQL: "UPDATE orders SET status = $1", Args: []sqltraffic.Arg{sqltraffic.OneOf([]string{"spoilt"})}})
	if got := all(run); len(got) != 1 || got[0] != "fill" {
		t.Errorf("%q", got)
	}
	exec("DO $$ BEGIN IF EXISTS (SELECT FROM orders WHERE status = 'spoilt') THEN RAISE 'it stayed'; END IF; END $$")
}

func TestOpen_NamesAStatementThatCannotBePrepared(t *testing.T) {
	t.Parallel()
	server := postgrestest.Started(t, postgrestest.Spec(postgrestest.Folder(t), 0))
	db, err := sql.Open("pgx", server.AdminURL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = sqltraffic.Open(context.Background(), db, []sqltraffic.Statement{{Name: "basket", Weight: 1, SQL: "SELECT secret FROM nowhere"}}, 1, code)
	if err == nil || err.Error() != "preparing basket of the traffic: 42P01" {
		t.Errorf("%v", err)
	}
}
