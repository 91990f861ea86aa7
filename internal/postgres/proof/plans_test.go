package proof_test

import (
	"strings"
	"testing"

	"understudy/internal/postgres/logical"
	"understudy/internal/postgres/postgrestest"
	"understudy/internal/postgres/proof"
)

func TestProof_ComparesThePlansOfTheBusiestStatements(t *testing.T) {
	t.Parallel()
	spec := postgrestest.Spec(postgrestest.Folder(t), postgrestest.FreePort(t))
	spec.Settings["shared_preload_libraries"] = "pg_stat_statements"
	server := postgrestest.Started(t, spec)
	for _, name := range []string{"production", "twin"} {
		if _, err := server.EnsureDatabase(t.Context(), name, "", nil); err != nil {
			t.Fatal(err)
		}
	}
	source := postgrestest.Connected(t, server.AdminURL("production"))
	postgrestest.Runs(t, source, `CREATE EXTENSION pg_stat_statements;`+shop)
	postgrestest.Runs(t, source, `SELECT pg_stat_statements_reset()`)
	for _, statement := range []string{
		`SELECT note FROM orders WHERE customer = 17 AND total > 3 -- for Anna`, `SELECT count(*)::text FROM customers WHERE level = 'gold'`,
		`UPDATE orders SET total = total + 1 WHERE id = 5`, `SELECT c.name FROM customers c JOIN orders o ON o.customer = c.id WHERE o.id = 12`,
	} {
		postgrestest.Answer(t, source, statement)
	}
	b := &bed{spec: proof.Spec{Masks: shopMasks, Room: room(t), Compare: proof.Off}, source: source, copy: logical.Spec{
		Source: server.AdminURL("production"), Target: server.AdminURL("twin"), Bin: postgrestest.Bin(t),
	}}
	b.after = `DROP INDEX orders_customer_idx`
	got := b.proven(t)
	if got.PlansCompared != 4 || got.PlansSame != 3 {
		t.Fatalf("%d of %d plans are the same: %+v; not shown: %q", got.PlansSame, got.PlansCompared, got.Plans, got.NotShown)
	}
	for _, plan := range got.Plans {
		if strings.Contains(plan.Source+plan.Twin, "Anna") {
			t.Errorf("a plan shows what a comment held: %+v", plan)
		}
		if !plan.Same && (!strings.Contains(plan.Source, "orders_customer_idx") || !strings.HasPrefix(plan.Twin, "Seq Scan orders") || plan.CostRatio < 2) {
			t.Errorf("the plan without its index: %+v", plan)
		}
	}
}
