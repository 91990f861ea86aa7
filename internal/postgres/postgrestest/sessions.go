package postgrestest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/postgres"
	"understudy/internal/postgres/cluster"
)

// Connected is a session as superuser that ends with the test.
func Connected(t testing.TB, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// Runs runs statements that have no result.
func Runs(t testing.TB, conn *pgx.Conn, statements string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), statements); err != nil {
		t.Fatalf("%s: %v", statements, err)
	}
}

// Answer is the first column of a query, one line for each row.
func Answer(t testing.TB, conn *pgx.Conn, query string) string {
	t.Helper()
	rows, err := conn.Query(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[*string])
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	var out []string
	for _, line := range lines {
		if line == nil {
			out = append(out, "NULL")
			continue
		}
		out = append(out, *line)
	}
	return strings.Join(out, "\n")
}

// Exec runs a statement in a session of its own.
func Exec(t testing.TB, c *cluster.Cluster, database, statement string) {
	t.Helper()
	conn, err := c.Connect(context.Background(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(context.Background(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// Until waits for something outside the test, and gives up after two minutes: a machine with
// much else to do is no wrong answer.
func Until(t testing.TB, what string, reached func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !reached() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("waited too long until %s", what)
		}
	}
}

// Refused holds an error to its kind and to words that it, or its hint, has to say.
func Refused(t testing.TB, err error, kind understudy.Kind, words ...string) {
	t.Helper()
	if understudy.KindOf(err) != kind {
		t.Fatalf("got %v of kind %q; expected kind %q", err, understudy.KindOf(err), kind)
	}
	said := err.Error() + " / " + understudy.HintOf(err)
	for _, word := range words {
		if !strings.Contains(said, word) {
			t.Errorf("the error does not say %q: %s", word, said)
		}
	}
}

// EveryKindOfObject is SQL that makes one of every kind of thing a database can hold.
const EveryKindOfObject = `
	CREATE EXTENSION citext;
	CREATE SCHEMA "odd Schema";
	CREATE SCHEMA ext; CREATE EXTENSION pg_trgm WITH SCHEMA ext;
	CREATE TYPE mood AS ENUM ('sad', 'fi''ne', 'happy');
	CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
	CREATE TYPE place AS (street text, number integer);
	CREATE FUNCTION shout(t text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT upper(t) || E'\n' $$;
	CREATE TABLE people (
		id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email citext NOT NULL UNIQUE, name text,
		feeling mood DEFAULT 'happy', shouted text GENERATED ALWAYS AS (upper(name)) STORED,
		age positive, home place, tags text[], extra jsonb, raw bytea, CHECK (length(name) < 100));
	CREATE TABLE orders (id serial PRIMARY KEY, person bigint NOT NULL REFERENCES people ON DELETE CASCADE,
		total numeric(10,2) NOT NULL CHECK (total >= 0), placed timestamptz NOT NULL DEFAULT now(), price money);
	CREATE TABLE events (at date NOT NULL, what text, CONSTRAINT known CHECK (what <> '')) PARTITION BY RANGE (at);
	CREATE TABLE events_2025 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
	CREATE TABLE events_rest PARTITION OF events DEFAULT;
	CREATE TABLE base (a integer); CREATE TABLE child (b text) INHERITS (base);
	CREATE UNLOGGED TABLE scratch (x integer);
	CREATE TABLE nothing ();
	CREATE TABLE "odd Schema"."Table "" of: odds" ("Group" integer, "two words" text, "user" text);
	CREATE TABLE "user" ("order" text);
	CREATE INDEX people_name ON people USING gin (name ext.gin_trgm_ops);
	CREATE INDEX ON events (what);
	CREATE STATISTICS both_ways ON at, what FROM events;
	CREATE VIEW cheap AS SELECT id, total FROM orders WHERE total < 10;
	CREATE MATERIALIZED VIEW totals AS SELECT person, sum(total) AS total FROM orders GROUP BY 1;
	CREATE FUNCTION forbid() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'a trigger fired'; END $$;
	CREATE SEQUENCE spare START 7 INCREMENT 5;
	COMMENT ON COLUMN people.email IS E'where to write:\nnot where they live';
	INSERT INTO people (email, name, feeling, age, home, tags, extra, raw) VALUES
		('Ann@Example.org', E'tab\there', 'sad', 3, ROW('a (b), "c"', 2), ARRAY['x,y', NULL, E'q"\\'], '{"a": "b\\n", "n": [1, null]}', '\x00ff5c0a'),
		('b@example.org', E'line\nand \\N and \\. and back\\slash\r', 'fi''ne', 4, NULL, '{}', 'null', ''),
		('c@example.org', '', NULL, NULL, ROW(NULL, NULL), NULL, NULL, NULL),
		('d@example.org', '\N', 'happy', 1, NULL, NULL, '"\\N"', NULL),
		('e@example.org', '日本語 😀 ' || chr(8) || chr(11) || chr(12), 'happy', 1, NULL, NULL, '{}', NULL),
		('f@example.org', NULL, 'happy', 1, NULL, NULL, '{}', NULL);
	INSERT INTO orders (person, total, placed, price) SELECT 1 + i % 6, i, '2025-06-01 12:00:00.123456+02', i::numeric::money FROM generate_series(1, 1000) i;
	INSERT INTO events VALUES ('2025-03-01', 'in'), ('2020-01-01', 'before'), ('2027-01-01', 'after');
	INSERT INTO base VALUES (1); INSERT INTO child VALUES (2, 'two');
	INSERT INTO scratch VALUES (9);
	INSERT INTO nothing DEFAULT VALUES; INSERT INTO nothing DEFAULT VALUES;
	INSERT INTO "odd Schema"."Table "" of: odds" VALUES (1, 'a', 'b'); INSERT INTO "user" VALUES ('first');
	SELECT nextval('spare'), nextval('spare');
	CREATE TRIGGER no_rows BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION forbid();
	ALTER TABLE orders DISABLE TRIGGER no_rows; ALTER TABLE orders ENABLE ALWAYS TRIGGER no_rows;
	ALTER TABLE orders ADD CONSTRAINT later CHECK (total < 999) NOT VALID;
	REFRESH MATERIALIZED VIEW totals;
	CREATE PUBLICATION outlet FOR TABLE orders;`

// Inspected is the schema that a session sees.
func Inspected(t testing.TB, conn *pgx.Conn) postgres.Schema {
	t.Helper()
	schema, err := postgres.Inspect(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// Started is a running cluster that ends with the test.
func Started(t testing.TB, spec cluster.Spec) *cluster.Cluster {
	t.Helper()
	c := cluster.New(spec)
	if err := c.Start(t.Context()); err != nil {
		t.Fatalf("starting: %v (hint: %s)", err, understudy.HintOf(err))
	}
	return c
}

// Bin is the folder of the programs of the newest PostgreSQL of the machine.
func Bin(t testing.TB) string {
	t.Helper()
	all, err := cluster.Installations()
	if err != nil {
		t.Fatal(err)
	}
	return all[0].Bin
}

// Server is what a test is lent.
type Server = cluster.Cluster
