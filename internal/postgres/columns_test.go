package postgres_test

import (
	"testing"

	"understudy"
	"understudy/internal/postgres"
	"understudy/internal/postgres/postgrestest"
)

func TestColumns_SamplesOfABigTableAreSpreadAndDistinct(t *testing.T) {
	t.Parallel()
	c, name := postgrestest.Database(t)
	conn := postgrestest.Connected(t, c.AdminURL(name))
	postgrestest.Runs(t, conn, `CREATE TABLE big AS SELECT i AS id, i % 3 AS kind, CASE WHEN i = 40000 THEN 'rare@example.org' END AS rare, repeat('x', 200) AS filler FROM generate_series(1, 50000) i;
		ALTER TABLE big ALTER rare SET STATISTICS 10000`)
	postgrestest.Runs(t, conn, `ANALYZE big`)
	columns, err := postgres.Columns(t.Context(), conn, 50)
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]understudy.Column{}
	for _, column := range columns["public.big"] {
		byName[column.Name] = column
	}
	if got := byName["id"].Samples; len(got) != 50 {
		t.Errorf("id has %d samples", len(got))
	}
	if got := byName["kind"].Samples; len(got) != 3 {
		t.Errorf("kind has samples %q", got)
	}
	if got := byName["filler"].Samples; len(got) != 1 {
		t.Errorf("filler has %d samples", len(got))
	}
}

func TestColumns_NoSamplesWhereNoneAreAskedFor(t *testing.T) {
	t.Parallel()
	c, name := postgrestest.Database(t)
	conn := postgrestest.Connected(t, c.AdminURL(name))
	postgrestest.Runs(t, conn, `CREATE TABLE a (b text); INSERT INTO a VALUES ('x')`)
	columns, err := postgres.Columns(t.Context(), conn, 0)
	if err != nil || len(columns["public.a"]) != 1 || columns["public.a"][0].Samples != nil {
		t.Errorf("got %+v, %v", columns, err)
	}
}
