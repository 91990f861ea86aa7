package postgres_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/postgres"
	"understudy/internal/postgres/postgrestest"
)

// connected is a session as superuser that ends with the test.
func connected(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func runs(t *testing.T, conn *pgx.Conn, statements string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), statements); err != nil {
		t.Fatalf("%s: %v", statements, err)
	}
}

// answer is the first column of a query, one line for each row.
func answer(t *testing.T, conn *pgx.Conn, query string) string {
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

func bin(t *testing.T) string {
	t.Helper()
	all, err := postgres.Installations()
	if err != nil {
		t.Fatal(err)
	}
	return all[0].Bin
}

// pair is a source and an empty target in one cluster, with what copies from one to the other.
func pair(t *testing.T, fill string) (spec postgres.CopySpec, source, target *pgx.Conn) {
	t.Helper()
	c, from := postgrestest.Database(t)
	_, to := postgrestest.Database(t)
	source, target = connected(t, c.AdminURL(from)), connected(t, c.AdminURL(to))
	runs(t, source, fill)
	return postgres.CopySpec{Source: c.AdminURL(from), Target: c.AdminURL(to), Bin: bin(t), Masks: noMasks}, source, target
}

func noMasks(string, []understudy.Column) (understudy.TableMasks, error) {
	return understudy.TableMasks{}, nil
}

// masking masks one column.
func masking(column string, apply understudy.MaskFunc) understudy.TableMasks {
	return understudy.TableMasks{Columns: map[string]understudy.Mask{column: {Apply: apply}}}
}

func copied(t *testing.T, spec postgres.CopySpec) understudy.DatabaseCopy {
	t.Helper()
	got, err := postgres.Copy(t.Context(), spec)
	if err != nil {
		t.Fatalf("copying: %v (hint: %s)", err, understudy.HintOf(err))
	}
	return got
}

func inspected(t *testing.T, conn *pgx.Conn) postgres.Schema {
	t.Helper()
	schema, err := postgres.Inspect(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func refused(t *testing.T, err error, kind understudy.Kind, words ...string) {
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

const everyKindOfObject = `
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

func TestCopy_IsWhatProductionIs(t *testing.T) {
	t.Parallel()
	spec, source, target := pair(t, everyKindOfObject)
	got := copied(t, spec)

	if changes := inspected(t, source).Diff(inspected(t, target)); len(changes) > 0 {
		t.Errorf("the schemas differ: %+v", changes)
	}
	if diff := cmp.Diff(inspected(t, source).Order, inspected(t, target).Order); diff != "" {
		t.Errorf("the order of columns differs: %s", diff)
	}
	before, err := postgres.Print(t.Context(), spec.Source, 2)
	if err != nil {
		t.Fatal(err)
	}
	after, err := postgres.Print(t.Context(), spec.Target, 2)
	if err != nil {
		t.Fatal(err)
	}
	if changes := before.Diff(after); len(changes) > 0 {
		t.Errorf("the rows differ: %v", changes)
	}
	for _, query := range []string{
		`SELECT p::text FROM people p ORDER BY id`, `SELECT e::text || tableoid::regclass FROM events e ORDER BY 1`, `SELECT b::text || tableoid::regclass FROM base b ORDER BY 1`,
		`SELECT t::text FROM totals t ORDER BY 1`, `SELECT o::text FROM orders o ORDER BY ctid`,
	} {
		if diff := cmp.Diff(answer(t, source, query), answer(t, target, query)); diff != "" {
			t.Errorf("%s: %s", query, diff)
		}
	}
	if rows := got.Rows(); rows != 1016 || got.Bytes == 0 || !strings.HasPrefix(got.Server, "postgres ") {
		t.Errorf("the copy says %d rows, %d bytes, server %q; expected 1016 rows", rows, got.Bytes, got.Server)
	}
	var names []string
	for _, table := range got.Tables {
		names = append(names, table.Table)
	}
	want := []string{`"odd Schema"."Table "" of: odds"`, "public.base", "public.child", "public.events_2025", "public.events_rest",
		"public.nothing", "public.orders", "public.people", "public.scratch", "public.user"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("tables: %s", diff)
	}
}

func TestCopy_SequencesGoOnWhereProductionStands(t *testing.T) {
	t.Parallel()
	spec, _, target := pair(t, everyKindOfObject+`SELECT setval('people_id_seq', 500)`)
	copied(t, spec)
	got := answer(t, target, `INSERT INTO people (email) VALUES ('new@example.org') RETURNING id::text`) +
		answer(t, target, `SELECT ' ' || nextval('orders_id_seq') || ' ' || nextval('spare')`)
	if got != "501 1001 17" {
		t.Errorf("the next numbers are %s; expected 501 1001 17", got)
	}
}

func TestCopy_MasksExactlyTheColumnsOfTheRules(t *testing.T) {
	t.Parallel()
	spec, source, target := pair(t, everyKindOfObject)
	reverse := func(value []byte) ([]byte, error) {
		out := []rune(string(value))
		for i, j := 0, len(out)-1; i < j; i, j = i+1, j-1 {
			out[i], out[j] = out[j], out[i]
		}
		return []byte(string(out)), nil
	}
	spec.Masks = func(table string, columns []understudy.Column) (understudy.TableMasks, error) {
		switch table {
		case "public.people":
			return masking("name", reverse), nil
		case "public.events":
			return masking("what", func([]byte) ([]byte, error) { return []byte("\\N\t\n\r\\."), nil }), nil
		}
		return understudy.TableMasks{}, nil
	}
	got := copied(t, spec)
	masked := `SELECT COALESCE(name, 'NULL') FROM people ORDER BY id`
	want := strings.Split(answer(t, source, `SELECT COALESCE(reverse(name), 'NULL') FROM people ORDER BY id`), "")
	if diff := cmp.Diff(strings.Join(want, ""), answer(t, target, masked)); diff != "" {
		t.Errorf("masked names: %s", diff)
	}
	untouched := `SELECT (id, email, feeling, age, home, tags, extra, raw)::text FROM people ORDER BY id`
	if diff := cmp.Diff(answer(t, source, untouched), answer(t, target, untouched)); diff != "" {
		t.Errorf("columns without a mask: %s", diff)
	}
	if what := answer(t, target, `SELECT DISTINCT what FROM events`); what != "\\N\t\n\r\\." {
		t.Errorf("a mask's answer arrived as %q", what)
	}
	for _, table := range got.Tables {
		switch table.Table {
		case "public.people":
			if diff := cmp.Diff([]string{"name"}, table.Masked); diff != "" {
				t.Error(diff)
			}
		case "public.events_2025", "public.events_rest":
			if diff := cmp.Diff([]string{"what"}, table.Masked); diff != "" {
				t.Error(diff)
			}
		default:
			if len(table.Masked) > 0 {
				t.Errorf("%s is said to have masked columns %v", table.Table, table.Masked)
			}
		}
	}
}

func TestCopy_StopsAtAColumnThatLooksPersonalBeforeARowIsWritten(t *testing.T) {
	t.Parallel()
	spec, _, target := pair(t, everyKindOfObject)
	var asked []string
	spec.Masks = func(table string, columns []understudy.Column) (understudy.TableMasks, error) {
		asked = append(asked, table)
		if table == "public.people" || table == "public.user" {
			return understudy.TableMasks{}, understudy.Errorf(understudy.KindRefused, "%s looks personal and has no rule", columns[0])
		}
		return understudy.TableMasks{}, nil
	}
	_, err := postgres.Copy(t.Context(), spec)
	refused(t, err, understudy.KindRefused, "nothing was copied", "public.people.id", "public.user.order", "understudy mask plan")
	if want := []string{`"odd Schema"."Table "" of: odds"`, "public.base", "public.child", "public.events", "public.nothing",
		"public.orders", "public.people", "public.scratch", "public.user"}; !cmp.Equal(want, asked) {
		t.Errorf("asked about %v", asked)
	}
	if left := answer(t, target, `SELECT relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'public'`); left != "" {
		t.Errorf("the target holds %s", left)
	}
}

func TestCopy_ShowsMasksTheColumnsWithSamples(t *testing.T) {
	t.Parallel()
	spec, _, _ := pair(t, everyKindOfObject)
	columns := map[string]understudy.Column{}
	spec.Masks = func(table string, list []understudy.Column) (understudy.TableMasks, error) {
		for _, c := range list {
			columns[c.String()] = c
		}
		return understudy.TableMasks{}, understudy.Errorf(understudy.KindRefused, "enough")
	}
	_, err := postgres.Copy(t.Context(), spec)
	refused(t, err, understudy.KindRefused)
	email := columns["public.people.email"]
	if email.Type != "public.citext" || !email.Unique || email.Nullable || email.Comment == "" || len(email.Samples) != 6 {
		t.Errorf("email is described as %+v with %d samples", email, len(email.Samples))
	}
	if person := columns["public.orders.person"]; person.References != "public.people.id" || person.Unique {
		t.Errorf("orders.person is described as %+v", person)
	}
	if shouted := columns["public.people.shouted"]; !shouted.Generated || !shouted.Nullable {
		t.Errorf("shouted is described as %+v", shouted)
	}
	if what := columns["public.events.what"]; len(what.Samples) != 3 {
		t.Errorf("a partitioned table's column has samples %q", what.Samples)
	}
	if total := columns["public.orders.total"]; len(total.Samples) != 100 {
		t.Errorf("orders.total has %d samples; expected 100 distinct ones", len(total.Samples))
	}
}

func TestCopy_AMaskThatBreaksARuleIsNamedWithoutTheValue(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		column, value string
		words         []string
	}{
		"not null and type": {"age", "secret value", []string{"public.people", "row 1", "column age", "masked here: age"}},
		"check":             {"name", strings.Repeat("x", 200), []string{"public.people", "row 1", "people_name_check"}},
		"unique":            {"email", "secret value", []string{"people_email_key", "keeps them so"}},
		"foreign key":       {"id", "", []string{"foreign key", "the same rule"}},
	} {
		t.Run(name, func(t *testing.T) {
			spec, _, _ := pair(t, everyKindOfObject)
			next := 1000
			spec.Masks = func(table string, _ []understudy.Column) (understudy.TableMasks, error) {
				if table != "public.people" {
					return understudy.TableMasks{}, nil
				}
				return masking(c.column, func([]byte) ([]byte, error) {
					if c.column == "id" {
						next++
						return fmt.Append(nil, next), nil
					}
					return []byte(c.value), nil
				}), nil
			}
			_, err := postgres.Copy(t.Context(), spec)
			refused(t, err, understudy.KindInvalid, c.words...)
			if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "xxx") || strings.Contains(err.Error(), "100") {
				t.Errorf("the error shows a value: %v", err)
			}
		})
	}
}

func TestCopy_AMaskThatFailsStopsTheCopy(t *testing.T) {
	t.Parallel()
	spec, _, _ := pair(t, everyKindOfObject)
	spec.Masks = func(table string, _ []understudy.Column) (understudy.TableMasks, error) {
		if table != "public.people" {
			return understudy.TableMasks{}, nil
		}
		return masking("name", func(value []byte) ([]byte, error) {
			if bytes.Contains(value, []byte("slash")) {
				return nil, understudy.Errorf(understudy.KindInvalid, "the value has no known form")
			}
			return value, nil
		}), nil
	}
	_, err := postgres.Copy(t.Context(), spec)
	refused(t, err, understudy.KindInvalid, "masking public.people.name", "tables were done")
}

func TestCopy_RefusesLargeObjects(t *testing.T) {
	t.Parallel()
	spec, source, _ := pair(t, `SELECT lo_from_bytea(0, 'x'), lo_from_bytea(0, 'y')`)
	_, err := postgres.Copy(t.Context(), spec)
	refused(t, err, understudy.KindRefused, "2 large objects", "bytea")
	runs(t, source, `SELECT lo_unlink(oid) FROM pg_largeobject_metadata`)
}

func TestCopy_RefusesATargetThatIsNotEmpty(t *testing.T) {
	t.Parallel()
	spec, _, target := pair(t, `CREATE TABLE a (b text)`)
	runs(t, target, `CREATE TABLE precious (b text)`)
	_, err := postgres.Copy(t.Context(), spec)
	refused(t, err, understudy.KindConflict, "not empty")
}

func TestCopy_NeedsMasks(t *testing.T) {
	t.Parallel()
	_, err := postgres.Copy(t.Context(), postgres.CopySpec{})
	refused(t, err, understudy.KindInvalid, "masks")
}
