package postgres_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"understudy"
	"understudy/internal/postgres"
	"understudy/internal/postgres/postgrestest"
)

func TestInspect_OneLineForEachFact(t *testing.T) {
	t.Parallel()
	c, name := postgrestest.Database(t)
	conn := postgrestest.Connected(t, c.AdminURL(name))
	postgrestest.Runs(t, conn, postgrestest.EveryKindOfObject)
	schema := postgrestest.Inspected(t, conn)
	for _, want := range []string{
		`column public.people.id: bigint not null generated always as identity`,
		`column public.people.feeling: public.mood default 'happy'::public.mood`,
		`column public.people.shouted: text generated always as (upper(name)) stored`,
		`column public.orders.total: numeric(10,2) not null`,
		`column "odd Schema"."Table "" of: odds"."two words": text`,
		`constraint orders_person_fkey on public.orders: FOREIGN KEY (person) REFERENCES public.people(id) ON DELETE CASCADE`,
		`constraint later on public.orders: CHECK ((total < (999)::numeric)) NOT VALID`,
		`index public.people_name: CREATE INDEX people_name ON public.people USING gin (name ext.gin_trgm_ops)`,
		`type public.mood: enum ('sad', 'fi''ne', 'happy')`,
		`type public.positive: domain integer`,
		`extension pg_trgm: version 1.6 in schema ext, owner postgres`,
		`table public.events: permanent, partitioned by RANGE (at)`,
		`table public.events_rest: permanent, partition DEFAULT, of public.events`,
		`table public.child: permanent, of public.base`,
		`view public.cheap: SELECT orders.id, orders.total FROM public.orders WHERE (orders.total < (10)::numeric);`,
		`sequence public.spare: bigint start 7 increment 5 from 1 to 9223372036854775807 cache 1`,
		`trigger no_rows on public.orders: CREATE TRIGGER no_rows BEFORE INSERT ON public.orders FOR EACH ROW EXECUTE FUNCTION public.forbid() (always)`,
		`comment on table column public.people.email: 'where to write:\nnot where they live'`,
		`owner of table public.orders: postgres`,
		`publication outlet of public.orders: published`,
	} {
		if !slices.Contains(schema.Lines, want) {
			t.Errorf("there is no line %s", want)
		}
	}
	if t.Failed() {
		t.Log(strings.Join(schema.Lines, "\n"))
	}
	for _, line := range schema.Lines {
		if strings.Contains(line, "gtrgm") || strings.ContainsAny(line, "\n\r") {
			t.Errorf("line %q is of an extension, or more than a line", line)
		}
	}
	if !slices.IsSorted(schema.Lines) {
		t.Error("the lines are not sorted")
	}
}

func TestInspect_OfTheSameFactsHasTheSameDigest(t *testing.T) {
	t.Parallel()
	c, name := postgrestest.Database(t)
	conn := postgrestest.Connected(t, c.AdminURL(name))
	postgrestest.Runs(t, conn, `CREATE TABLE a (one int, two text); CREATE SEQUENCE s`)
	first := postgrestest.Inspected(t, conn)
	postgrestest.Runs(t, conn, `INSERT INTO a VALUES (1, 'x'); SELECT nextval('s'); ALTER TABLE a DROP COLUMN one; ALTER TABLE a ADD COLUMN one int; SET search_path TO public`)
	second := postgrestest.Inspected(t, conn)
	if first.Digest != second.Digest {
		t.Errorf("rows, sequence values or the order of columns changed the digest: %+v", first.Diff(second))
	}
	if !cmp.Equal(second.Order["public.a"], []string{"two", "one"}) {
		t.Errorf("the order of columns is %v", second.Order)
	}
	if path := postgrestest.Answer(t, conn, `SHOW search_path`); path != "public" {
		t.Errorf("the session's search_path became %s", path)
	}
}

func TestInspect_DiffSaysWhatAMigrationDid(t *testing.T) {
	t.Parallel()
	c, name := postgrestest.Database(t)
	conn := postgrestest.Connected(t, c.AdminURL(name))
	postgrestest.Runs(t, conn, `CREATE TABLE a (one int, two text, three text); CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'`)
	before := postgrestest.Inspected(t, conn)
	postgrestest.Runs(t, conn, `ALTER TABLE a ALTER one TYPE bigint, ALTER one SET NOT NULL, DROP three; CREATE INDEX i ON a (two); GRANT SELECT ON a TO PUBLIC;
		CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 2'`)
	var got []string
	for _, change := range before.Diff(postgrestest.Inspected(t, conn)) {
		if strings.HasPrefix(change.Object, "function") {
			change.Was, change.Is = "", ""
		}
		got = append(got, strings.Join([]string{change.Change, change.Object, change.Was, change.Is}, "|"))
	}
	want := []string{
		"changed|column public.a.one|integer|bigint not null",
		"removed|column public.a.three|text|",
		"changed|function public.f()||",
		"added|grant on table public.a to public||SELECT",
		"added|index public.i||CREATE INDEX i ON public.a USING btree (two)",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestInspect_OfAThousandTablesIsQuick(t *testing.T) {
	t.Parallel()
	c, name := postgrestest.Database(t)
	conn := postgrestest.Connected(t, c.AdminURL(name))
	for range 4 { // each in a transaction of its own: a thousand at once need more locks than there are
		postgrestest.Runs(t, conn, `DO $$ DECLARE n int := (SELECT count(*) FROM pg_class WHERE relname ~ '^t_\d+$'); BEGIN FOR i IN n+1..n+250 LOOP
			EXECUTE format('CREATE TABLE t_%s (a int PRIMARY KEY, b text NOT NULL DEFAULT 1, c int CHECK (c > 0), d timestamptz)', i); END LOOP; END $$`)
	}
	start := time.Now()
	schema := postgrestest.Inspected(t, conn)
	if took := time.Since(start); took > 5*time.Second || len(schema.Order) != 1000 {
		t.Errorf("%d tables took %s", len(schema.Order), took)
	} else {
		t.Logf("%d lines in %s", len(schema.Lines), took)
	}
}

func TestInspect_WaitsBrieflyInsideNobodysTransaction(t *testing.T) {
	t.Parallel()
	c, name := postgrestest.Database(t)
	conn := postgrestest.Connected(t, c.AdminURL(name))
	postgrestest.Runs(t, conn, `BEGIN`)
	_, err := postgres.Inspect(t.Context(), conn)
	postgrestest.Refused(t, err, understudy.KindConflict, "inside a transaction")
}

func TestTableSizes_TheBiggestComesFirst(t *testing.T) {
	t.Parallel()
	c, name := postgrestest.Database(t)
	conn := postgrestest.Connected(t, c.AdminURL(name))
	postgrestest.Runs(t, conn, `CREATE TABLE small (a int); CREATE TABLE "Big One" AS SELECT repeat('x', 100) AS a FROM generate_series(1, 5000)`)
	postgrestest.Runs(t, conn, `ANALYZE "Big One"`)
	sizes, err := postgres.TableSizes(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	if len(sizes) != 2 || sizes[0].Table != `public."Big One"` || sizes[0].Rows != 5000 || sizes[0].Bytes < 500000 || sizes[1].Rows != -1 {
		t.Errorf("sizes are %+v", sizes)
	}
}
