package postgres_test

import (
	"strings"
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

func TestColumns_KnowTheValuesThatTheSchemaLaysDown(t *testing.T) {
	t.Parallel()
	c, name := postgrestest.Database(t)
	conn := postgrestest.Connected(t, c.AdminURL(name))
	postgrestest.Runs(t, conn, `CREATE TYPE mood AS ENUM ('sad', 'it''s ok');
		CREATE DOMAIN size AS varchar(3) CHECK (VALUE IN ('S', 'M'));
		CREATE TABLE a (plain text CHECK (plain <> ''), mood mood, moods mood[], size size, state varchar(9) CHECK (state IN ('new', 'paid')),
			"odd One" text CHECK ("odd One" = ANY (ARRAY['a', 'b,c'])), number int CHECK (number IN (1, 2)), two text, CHECK (two IN ('x') OR number = 1))`)
	columns, err := postgres.Columns(t.Context(), conn, 0)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, column := range columns["public.a"] {
		got[column.Name] = strings.Join(column.Allowed, "|")
	}
	for column, want := range map[string]string{
		"plain": "", "mood": "sad|it's ok", "moods": "sad|it's ok", "size": "S|M", "state": "new|paid", "odd One": "a|b,c", "number": "", "two": "",
	} {
		if got[column] != want {
			t.Errorf("%s allows %q, expected %q", column, got[column], want)
		}
	}
}

func TestColumns_LargeObjectsAreAColumnToBeRuled(t *testing.T) {
	t.Parallel()
	c, name := postgrestest.Database(t)
	conn := postgrestest.Connected(t, c.AdminURL(name))
	for _, there := range []bool{false, true} {
		if there {
			postgrestest.Runs(t, conn, `SELECT lo_create(0)`)
		}
		columns, err := postgres.Columns(t.Context(), conn, 50)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(columns[postgres.LargeObjects]) == 1; got != there {
			t.Errorf("large objects are there: %t; listed: %t", there, got)
		}
	}
}
