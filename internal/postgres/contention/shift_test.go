package contention_test

import (
	"testing"

	"understudy/internal/postgres/contention"
	"understudy/internal/postgres/postgrestest"
)

func TestShift_MovesTheNumbersThatAreThereAndThoseThatAMigrationMakes(t *testing.T) {
	t.Parallel()
	c, name := postgrestest.Database(t)
	conn := postgrestest.Connected(t, c.AdminURL(name))
	postgrestest.Runs(t, conn, `CREATE TABLE orders (id serial, total int); CREATE SEQUENCE used_up MAXVALUE 2; SELECT setval('used_up', 2);
		CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)`)
	if err := contention.Shift(t.Context(), c.AdminURL(name)); err != nil {
		t.Fatal(err)
	}
	postgrestest.Runs(t, conn, `INSERT INTO orders (total) VALUES (5);
		GRANT CREATE ON SCHEMA public TO pg_monitor; ALTER TABLE kept OWNER TO pg_monitor; SET ROLE pg_monitor; -- no superuser
		CREATE TABLE audit (id int GENERATED ALWAYS AS IDENTITY, total int); INSERT INTO audit (total) VALUES (5);
		ALTER TABLE kept ADD COLUMN id serial; INSERT INTO kept (n) VALUES (8);
		CREATE SEQUENCE another; RESET ROLE`)
	const numbers = `SELECT concat_ws(' ', (SELECT id FROM orders), (SELECT id FROM audit), (SELECT string_agg(id::text, ',' ORDER BY id) FROM kept))`
	if got := postgrestest.Answer(t, conn, numbers); got != "2 2 1,3" {
		t.Errorf("rows of orders, audit and kept have the numbers %s", got)
	}
}
