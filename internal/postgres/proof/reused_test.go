package proof_test

import (
	"slices"
	"strings"
	"testing"

	"understudy/internal/postgres"
	"understudy/internal/postgres/postgrestest"
)

func TestProof_HoldsRowsOfTheCopyBeforeAgainstThat(t *testing.T) {
	t.Parallel()
	const tables = `
		CREATE TABLE kept (id int PRIMARY KEY, word text, long text GENERATED ALWAYS AS (word || 'x') STORED); CREATE TABLE read (id int PRIMARY KEY);
		CREATE TABLE parts (id int, word text) PARTITION BY RANGE (id); CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10); CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (10) TO (20);`
	c, name := postgrestest.Database(t)
	before := postgrestest.Connected(t, c.AdminURL(name))
	postgrestest.Runs(t, before, tables+`INSERT INTO kept VALUES (1, 'masked'), (2, 'too'); INSERT INTO parts VALUES (1, 'masked')`)
	for _, spoiled := range []struct{ by, differs string }{
		{`SELECT 1`, ""}, {`UPDATE kept SET word = 'other' WHERE id = 2`, "public.kept"}, {`DELETE FROM parts_1`, "public.parts"}, {`INSERT INTO parts_2 VALUES (13, 'more')`, "public.parts"},
		{`DELETE FROM read`, "public.read"},
	} {
		b := copying(t, tables+`INSERT INTO kept SELECT i, 'original' FROM generate_series(1, 9) i; INSERT INTO read VALUES (1); INSERT INTO parts VALUES (1, 'original'), (2, 'original'), (11, 'plain')`)
		postgrestest.Runs(t, before, "BEGIN")
		b.spec.Earlier = &postgres.Earlier{Conn: before, Tables: map[string]bool{`"public"."kept"`: true, `"public"."parts_1"`: true}}
		b.copy.Earlier, b.after = b.spec.Earlier, spoiled.by
		got := b.proven(t)
		postgrestest.Runs(t, before, "ROLLBACK")
		var differs []string
		for _, table := range got.Tables {
			if !table.Equal() {
				differs = append(differs, table.Table)
			}
			if earlier := table.Table != "public.read"; earlier != (table.Compared == "earlier") {
				t.Errorf("%s was compared by %s", table.Table, table.Compared)
			}
		}
		if strings.Join(differs, " ") != spoiled.differs || len(got.Tables) != 3 {
			t.Errorf("%s: %q differ in %+v", spoiled.by, differs, got.Tables)
		}
		if !slices.ContainsFunc(got.NotShown, func(text string) bool { return strings.HasPrefix(text, "2 tables were held against the copy before") }) {
			t.Errorf("not shown is %q", got.NotShown)
		}
	}
}
