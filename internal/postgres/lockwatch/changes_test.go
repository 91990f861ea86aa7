package lockwatch_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"time"

	"understudy"
	"understudy/internal/postgres/postgrestest"
)

// migrated is what is seen of statements on a stage that was set up.
func migrated(t *testing.T, rows int, setup string, statements ...string) understudy.Observation {
	t.Helper()
	s := gated(t, rows)
	if setup != "" {
		postgrestest.Exec(t, s.c, s.name, setup)
	}
	w := s.watch()
	m := s.session("migration")
	for _, statement := range statements {
		s.do(m, statement)
	}
	seen := s.stop(w)
	if !seen.Exact.Locks || !seen.Exact.Exclusive || !seen.Exact.Waits || !seen.Exact.Writes || len(seen.Notes) > 0 {
		t.Errorf("exact %+v, notes %q", seen.Exact, seen.Notes)
	}
	return seen
}

func indexOf(t *testing.T, seen understudy.Observation, name string) understudy.IndexChange {
	t.Helper()
	for _, i := range seen.Indexes {
		if i.Name == name {
			return i
		}
	}
	t.Errorf("nothing is told of index %s: %+v", name, seen.Indexes)
	return understudy.IndexChange{}
}

func columnOf(t *testing.T, table understudy.TableChange, name string) understudy.ColumnChange {
	t.Helper()
	for _, c := range table.Columns {
		if c.Name == name {
			return c
		}
	}
	t.Errorf("nothing is told of column %s: %+v", name, table)
	return understudy.ColumnChange{}
}

func TestWatch_CountsTheRowsThatTheMigrationWroteAndNobodyElses(t *testing.T) {
	s := gated(t, 1000)
	postgrestest.Exec(t, s.c, s.name, `CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
		CREATE TRIGGER stamp BEFORE UPDATE ON public.orders FOR EACH ROW EXECUTE FUNCTION nothing();
		CREATE TRIGGER never AFTER TRUNCATE ON public.orders EXECUTE FUNCTION nothing()`)
	w := s.watch()
	s.do(s.session("shop"), "UPDATE public.orders SET note = 'theirs' WHERE id > 500")
	m := s.session("migration")
	s.do(m, "BEGIN; UPDATE public.orders SET note = 'x' WHERE id <= 300; SAVEPOINT a; DELETE FROM public.orders WHERE id <= 5; RELEASE a; COMMIT")
	s.do(m, "BEGIN; DELETE FROM public.orders; ROLLBACK")
	s.do(m, "INSERT INTO public.orders SELECT g FROM generate_series(2001, 2040) g")
	s.do(m, "CREATE TABLE public.copied AS SELECT * FROM public.orders LIMIT 100")
	s.do(m, "COPY public.copied (id) FROM PROGRAM 'seq 1 70'")
	seen := s.stop(w)
	o := tableOf(t, seen, "public.orders")
	if o.Inserted != 40 || o.Updated != 300 || o.Deleted != 5 || o.LargestWrite != 305 || o.Rewritten || o.Emptied || !slices.Equal(o.Triggers, []string{"stamp"}) {
		t.Errorf("orders: %+v", o)
	}
	if c := tableOf(t, seen, "public.copied"); !c.New || c.Inserted != 170 || c.Rows != 170 {
		t.Errorf("copied: %+v", c)
	}
	if !seen.Exact.Writes || seen.OwnLogBytes == 0 || seen.OwnLogBytes >= seen.LogBytes {
		t.Errorf("own %d of %d bytes, %+v", seen.OwnLogBytes, seen.LogBytes, seen.Exact)
	}
}

func TestWatch_TellsWhatWasWrittenAnewFromWhatWasEmptied(t *testing.T) {
	seen := migrated(t, 1000, `CREATE TABLE public.emptied AS SELECT * FROM public.orders; CREATE TABLE public.refilled AS SELECT * FROM public.orders;
		CREATE TABLE public.full AS SELECT * FROM public.orders; CREATE TABLE public.moved AS SELECT * FROM public.orders; ANALYZE;
		CREATE MATERIALIZED VIEW public.summary AS SELECT count(*) FROM public.orders`,
		"ALTER TABLE public.orders ADD COLUMN at timestamptz DEFAULT clock_timestamp()",
		"TRUNCATE public.emptied",
		"BEGIN; TRUNCATE public.refilled; INSERT INTO public.refilled SELECT g FROM generate_series(1, 30) g; COMMIT",
		"VACUUM FULL public.full",
		"REFRESH MATERIALIZED VIEW public.summary",
		"BEGIN; ALTER TABLE public.moved ALTER COLUMN id TYPE bigint; ROLLBACK")
	for relation, want := range map[string]understudy.TableChange{
		"public.orders": {Rewritten: true}, "public.emptied": {Emptied: true}, "public.refilled": {Emptied: true, Inserted: 30},
		"public.full": {Rewritten: true}, "public.summary": {Rewritten: true}, "public.moved": {RewrittenInVain: true},
	} {
		c := tableOf(t, seen, relation)
		got := understudy.TableChange{Rewritten: c.Rewritten, Emptied: c.Emptied, RewrittenInVain: c.RewrittenInVain, Inserted: c.Inserted}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %+v", relation, c)
		}
	}
}

func TestWatch_TellsWhatBecameOfColumns(t *testing.T) {
	seen := migrated(t, 1000, "ALTER TABLE public.orders ADD kept int NOT NULL DEFAULT 1, ADD loose int; ANALYZE public.orders",
		`ALTER TABLE public.orders ALTER status TYPE varchar(40), DROP note, ALTER kept DROP NOT NULL, ALTER loose SET DEFAULT 7, ADD added json`,
		`ALTER TABLE public.orders RENAME loose TO looser`)
	o := tableOf(t, seen, "public.orders")
	for name, want := range map[string]understudy.ColumnChange{
		"status": {Name: "status", Was: "character varying(20)", Is: "character varying(40)", Values: 1000, LostStatistics: true},
		"note":   {Name: "note", Was: "text", Values: 1000},
		"kept":   {Name: "kept", Was: "integer", Is: "integer", Values: 1000, Nulls: true},
		"loose":  {Name: "loose", Renamed: "looser", Was: "integer", Is: "integer", Default: true},
		"added":  {Name: "added", Is: "json", NoStatistics: true},
	} {
		if got := columnOf(t, o, name); got != want {
			t.Errorf("%s:\n got %+v\nwant %+v", name, got, want)
		}
	}
	if len(o.Columns) != 5 || o.Rewritten {
		t.Errorf("%+v", o)
	}
}

func TestWatch_TellsWhatBecameOfTables(t *testing.T) {
	seen := migrated(t, 10, "CREATE TABLE public.gone AS SELECT * FROM public.orders; ANALYZE public.gone; CREATE TABLE public.old_name (id int); CREATE PUBLICATION p FOR TABLE public.orders",
		"DROP TABLE public.gone", "ALTER TABLE public.old_name RENAME TO new_name",
		"ALTER TABLE public.orders REPLICA IDENTITY FULL, ENABLE ROW LEVEL SECURITY", "CREATE UNLOGGED TABLE public.scratch (id int)")
	if c := tableOf(t, seen, "public.gone"); !c.Gone || c.Rows != 10 || c.Bytes == 0 || columnOf(t, c, "note").Values != 10 {
		t.Errorf("gone: %+v", c)
	}
	if c := tableOf(t, seen, "public.old_name"); c.Renamed != "public.new_name" || c.Gone || c.New {
		t.Errorf("renamed: %+v", c)
	}
	if c := tableOf(t, seen, "public.orders"); !c.Published || c.Identity != "full" || !c.Security {
		t.Errorf("orders: %+v", c)
	}
}

func TestWatch_TellsWhatBecameOfIndexes(t *testing.T) {
	seen := migrated(t, 100, `CREATE INDEX replaced ON public.orders (status); CREATE INDEX lost ON public.orders (note); CREATE INDEX again ON public.orders (note, id);
		SET enable_seqscan = off; SELECT count(*) FROM public.orders WHERE status = 'x'; SELECT pg_stat_reset_single_table_counters(0)`,
		"DROP INDEX public.replaced", "CREATE UNIQUE INDEX CONCURRENTLY better ON public.orders (status, id)", "DROP INDEX CONCURRENTLY public.lost", "REINDEX INDEX CONCURRENTLY public.again",
		"CREATE INDEX lowered ON public.orders (lower(status), id)")
	if i := indexOf(t, seen, "public.replaced"); !i.Gone || !i.Replaced || i.Gap <= 0 || i.Table != "public.orders" {
		t.Errorf("replaced: %+v", i)
	}
	if i := indexOf(t, seen, "public.better"); !i.New || !i.Unique || i.Invalid || !slices.Equal(i.Columns, []string{"status", "id"}) || i.Bytes == 0 {
		t.Errorf("better: %+v", i)
	}
	if i := indexOf(t, seen, "public.lost"); !i.Gone || !i.Replaced || i.Gap != 0 {
		t.Errorf("lost: %+v", i)
	}
	if i := indexOf(t, seen, "public.again"); !i.Rebuilt || i.New || i.Gone || i.Gap != 0 {
		t.Errorf("again: %+v", i)
	}
	if i := indexOf(t, seen, "public.lowered"); !i.NoStatistics || i.Columns[0] != "lower(status::text)" || i.Columns[1] != "id" {
		t.Errorf("lowered: %+v", i)
	}
}

func TestWatch_TellsWhatBecameOfConstraints(t *testing.T) {
	seen := migrated(t, 10, "CREATE TABLE public.items (id int PRIMARY KEY, o bigint, CONSTRAINT old CHECK (o > 0))",
		"ALTER TABLE public.items ADD CONSTRAINT of_order FOREIGN KEY (o) REFERENCES public.orders NOT VALID, DROP CONSTRAINT old, ADD UNIQUE (id, o)")
	want := []understudy.ConstraintChange{
		{Name: "items_id_o_key", Table: "public.items", Kind: "unique", New: true, Columns: []string{"id", "o"}},
		{Name: "of_order", Table: "public.items", Kind: "foreign key", New: true, NotValid: true, References: "public.orders", Columns: []string{"o"}, Unindexed: true, Mismatch: "bigint → integer"},
		{Name: "old", Table: "public.items", Kind: "check", Gone: true, Columns: []string{"o"}},
	}
	if diff := cmp.Diff(want, seen.Constraints); diff != "" {
		t.Error(diff)
	}
	exactLock(t, seen, "public.orders", "ShareRowExclusiveLock") // the other table
}

func TestWatch_TellsOfObjectsAndOfKeysThatFillUp(t *testing.T) {
	seen := migrated(t, 10, "CREATE VIEW public.seen AS SELECT 1; CREATE TYPE public.mood AS ENUM ('sad'); CREATE FUNCTION public.f(int) RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE TABLE public.items (id serial PRIMARY KEY)",
		"DROP VIEW public.seen", "ALTER TYPE public.mood ADD VALUE 'glad'", "DROP FUNCTION public.f", "CREATE SCHEMA extra",
		"INSERT INTO public.items SELECT g FROM generate_series(1, 40) g", "CREATE TABLE public.nearly (id smallserial PRIMARY KEY)", "SELECT setval('public.nearly_id_seq', 30000)")
	var got []string
	for _, o := range seen.Objects {
		got = append(got, fmt.Sprintf("%s %s %s %t %t %d %.2f", o.Kind, o.Name, o.Table, o.New, o.Gone, o.Behind, o.Room))
	}
	want := []string{
		"enum value public.mood: glad  true false 0 0.00", "function public.f(integer)  false true 0 0.00", "schema extra  true false 0 0.00",
		"sequence public.items_id_seq public.items false false 40 0.00", "sequence public.nearly_id_seq public.nearly true false 0 0.92",
		"view public.seen  false true 0 0.00",
	}
	if !slices.Equal(got, want) {
		t.Errorf("\n got %s\nwant %s", strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
}

func TestWatch_SeesEveryPhaseOfAConcurrentBuild(t *testing.T) {
	seen := migrated(t, 1000, "", "CREATE INDEX CONCURRENTLY by_note ON public.orders (note)")
	l := exactLock(t, seen, "public.orders", "ShareUpdateExclusiveLock")
	if l.Times < 2 { // in its last transaction it has given the table back before it commits
		t.Errorf("its transactions held it %d times: %+v", l.Times, seen.Locks)
	}
	exactLock(t, seen, "public.by_note", "RowExclusiveLock") // the second
	for _, l := range seen.Locks {
		if l.Relation == "public.orders" && (l.Mode == "ShareLock" || l.Mode == "AccessExclusiveLock") {
			t.Errorf("%+v", l)
		}
	}
}

func TestWatch_SaysWhenSessionsDropTheOptionsOfTheirAddress(t *testing.T) {
	s := gated(t, 10)
	w := s.watch()
	m := s.session("migration")
	s.do(m, "SET synchronous_commit = local")
	s.do(m, "BEGIN; ALTER TABLE public.orders ADD x int; SELECT pg_sleep(0.1); COMMIT")
	seen := s.stop(w)
	if l, _ := lockOn(seen, "public.orders", "AccessExclusiveLock"); l.Times != 1 || l.Aborted || !slices.Contains(l.SeenBy, understudy.ByLog) {
		t.Errorf("%+v", seen.Locks)
	}
	if seen.Exact.Locks || !seen.Exact.Exclusive || len(seen.Notes) != 1 || !strings.Contains(seen.Notes[0], "public.orders") {
		t.Errorf("%+v %q", seen.Exact, seen.Notes)
	}
}

func TestWatch_StatementsHaveTheirTimes(t *testing.T) {
	s := gated(t, 10)
	w := s.watch()
	m := s.session("migration")
	began := time.Now()
	s.do(m, "SELECT pg_sleep(0.2), 'secret'")
	s.looked(w, 2)
	lasted := time.Since(began)
	if _, err := m.Exec(t.Context(), "SELECT 1/0, pg_sleep(0.1)"); err == nil {
		t.Fatal("it did not fail")
	}
	seen := s.stop(w)
	if len(seen.Statements) != 2 {
		t.Fatalf("%+v", seen.Statements)
	}
	first, second := seen.Statements[0], seen.Statements[1]
	if took := first.Until - first.From; first.Text != "SELECT pg_sleep(?), ?" || took < 190*time.Millisecond || took > lasted+inLog || first.Failed || first.Session != 1 {
		t.Errorf("%+v", first)
	}
	if !second.Failed || second.From < first.Until {
		t.Errorf("%+v", second)
	}
}
