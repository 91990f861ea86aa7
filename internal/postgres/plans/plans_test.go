package plans_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"understudy/internal/postgres/plans"
	"understudy/internal/postgres/postgrestest"
)

// within runs act in a read-only transaction that is rolled back.
func within(t *testing.T, conn *pgx.Conn, act func(pgx.Tx)) {
	t.Helper()
	tx, err := conn.BeginTx(t.Context(), pgx.TxOptions{AccessMode: pgx.ReadOnly})
	if err != nil {
		t.Fatal(err)
	}
	act(tx)
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestBusiest_OfADatabaseAreReadFromAnotherAndPlannedBeforeAndAfter(t *testing.T) {
	t.Parallel()
	spec := postgrestest.Spec(postgrestest.Folder(t), postgrestest.FreePort(t))
	spec.Preload = []string{"pg_stat_statements"}
	server := postgrestest.Started(t, spec)
	if _, err := server.EnsureDatabase(t.Context(), "shop", "", nil); err != nil {
		t.Fatal(err)
	}
	beside, shop := postgrestest.Connected(t, server.AdminURL("postgres")), postgrestest.Connected(t, server.AdminURL("shop"))
	within(t, beside, func(tx pgx.Tx) {
		if all, why, err := plans.Busiest(t.Context(), tx, "shop", 9); err != nil || len(all) > 0 || why != "there is no pg_stat_statements" {
			t.Errorf("%+v, %q, %v", all, why, err)
		}
	})
	postgrestest.Runs(t, beside, `CREATE EXTENSION pg_stat_statements`)
	postgrestest.Runs(t, shop, `CREATE TABLE orders (id int PRIMARY KEY, customer int, note text); INSERT INTO orders SELECT n, n % 500, 'x' FROM generate_series(1, 20000) n;
		CREATE INDEX orders_customer ON orders (customer); ANALYZE`)
	for range 3 {
		postgrestest.Answer(t, shop, `SELECT count(*)::text FROM orders WHERE customer = 7 -- of Anna`)
	}
	postgrestest.Answer(t, shop, `/* shop: *by id* */ -- of Ben
		SELECT note FROM orders WHERE id = 9`)
	var busiest []plans.Statement
	within(t, beside, func(tx pgx.Tx) {
		all, why, err := plans.Busiest(t.Context(), tx, "shop", 9)
		if err != nil || why != "" {
			t.Fatalf("%q, %v", why, err)
		}
		for _, s := range all { // filling the table was busy too
			if strings.Contains(s.Text, "SELECT") && !strings.Contains(s.Text, "INSERT") {
				busiest = append(busiest, s)
			}
		}
	})
	if len(busiest) != 2 || busiest[0].Calls+busiest[1].Calls != 4 || strings.Contains(busiest[0].Text+busiest[1].Text, "= 7") {
		t.Fatalf("the busiest are %+v", busiest)
	}
	plan := func(from int) map[string]plans.Plan {
		found := map[string]plans.Plan{}
		within(t, shop, func(tx pgx.Tx) {
			for n, s := range busiest {
				if p, err := plans.Of(t.Context(), tx, from+n, s.Text); err == nil {
					found[s.ID] = p
				}
			}
		})
		return found
	}
	before := plan(0)
	postgrestest.Runs(t, shop, `DROP INDEX orders_customer; ALTER TABLE orders DROP COLUMN note`)
	after := plan(len(busiest))
	for _, s := range busiest {
		was, is, still := before[s.ID], after[s.ID], false
		if _, still = after[s.ID]; strings.Contains(s.Text, "note") {
			if still || was.Shape != "Index Scan orders orders_pkey" {
				t.Errorf("%s was planned %+v, and without its column %+v", s.Text, was, is)
			}
			continue
		}
		if !strings.Contains(was.Shape, "orders_customer") || !strings.Contains(is.Shape, "Seq Scan orders") || is.Cost < 2*was.Cost || !was.Tables || was.Rows != 1 {
			t.Errorf("%s was planned %+v, and without its index %+v", s.Text, was, is)
		}
	}
}
