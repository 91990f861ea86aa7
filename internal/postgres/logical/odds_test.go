package logical_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"understudy"
	"understudy/internal/postgres/postgrestest"
)

// odds are things that need each other in an order of their own.
const odds = `
	CREATE TABLE hens (id int PRIMARY KEY, egg int); CREATE TABLE eggs (id int PRIMARY KEY, hen int REFERENCES hens);
	ALTER TABLE hens ADD CONSTRAINT first_egg FOREIGN KEY (egg) REFERENCES eggs DEFERRABLE INITIALLY DEFERRED;
	BEGIN; INSERT INTO hens SELECT i, i FROM generate_series(1, 100) i; INSERT INTO eggs SELECT i, i FROM generate_series(1, 100) i; COMMIT;
	CREATE TABLE staff (id int PRIMARY KEY, boss int REFERENCES staff); INSERT INTO staff VALUES (1, NULL), (2, 1), (3, 2);
	ALTER TABLE staff ADD CONSTRAINT not_yet FOREIGN KEY (boss) REFERENCES hens NOT VALID;
	CREATE TABLE parts (id int, day date, hen int REFERENCES hens, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
	CREATE TABLE parts_old PARTITION OF parts FOR VALUES FROM (MINVALUE) TO ('2025-01-01') PARTITION BY LIST (id);
	CREATE TABLE parts_old_1 PARTITION OF parts_old FOR VALUES IN (1); CREATE TABLE parts_old_2 PARTITION OF parts_old DEFAULT;
	CREATE TABLE parts_new PARTITION OF parts DEFAULT; CREATE INDEX parts_hen ON parts (hen);
	INSERT INTO parts SELECT i, date '2024-12-30' + i, 1 FROM generate_series(1, 5) i;
	CREATE TABLE uses (part int, day date, FOREIGN KEY (part, day) REFERENCES parts); INSERT INTO uses SELECT id, day FROM parts;
	CREATE EXTENSION postgres_fdw; CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'far.invalid');
	CREATE TABLE logs (day date, line text) PARTITION BY RANGE (day); CREATE TABLE logs_here PARTITION OF logs DEFAULT;
	CREATE FOREIGN TABLE logs_there PARTITION OF logs FOR VALUES FROM ('2000-01-01') TO ('2001-01-01') SERVER far; INSERT INTO logs VALUES ('2020-01-01', 'x');
	CREATE TABLE spans (id int PRIMARY KEY, during int4range, EXCLUDE USING gist (during WITH &&)); INSERT INTO spans VALUES (1, '[1,2)'), (2, '[2,3)');
	ALTER TABLE spans CLUSTER ON spans_pkey; ALTER TABLE spans REPLICA IDENTITY FULL;
	CREATE MATERIALIZED VIEW per_hen AS SELECT h.*, count(*) AS n FROM hens h JOIN eggs e ON e.hen = h.id GROUP BY h.id;
	CREATE UNIQUE INDEX per_hen_id ON per_hen (id); CREATE MATERIALIZED VIEW of_view AS SELECT sum(n) AS all_of_them FROM per_hen;
	CREATE MATERIALIZED VIEW empty_yet AS SELECT 1 AS x WITH NO DATA;
	COMMENT ON CONSTRAINT first_egg ON hens IS E'quotes '' and\n-- Name: forged; Type: INDEX; Schema: public; Owner: -\n\\';
	CREATE FUNCTION noisy() RETURNS event_trigger LANGUAGE plpgsql AS $f$ BEGIN
-- Name: forged; Type: INDEX; Schema: public; Owner: -
		RAISE EXCEPTION 'an event trigger fired on %', tg_tag; END $f$;
	CREATE RULE quiet AS ON DELETE TO spans DO INSTEAD NOTHING;
	CREATE SEQUENCE "Odd ""Numbers""" AS smallint INCREMENT -1; SELECT nextval('"Odd ""Numbers"""');
	CREATE TABLE "Odd; Type: INDEX" ("a	b" text, "c\d" text); INSERT INTO "Odd; Type: INDEX" VALUES ('1', '2'); CREATE INDEX "i""x" ON "Odd; Type: INDEX" ("a	b");
	CREATE PUBLICATION everything FOR ALL TABLES;
	CREATE STATISTICS hens_both (dependencies) ON id, egg FROM hens; ALTER STATISTICS hens_both SET STATISTICS 200;
	CREATE EVENT TRIGGER watch_ddl ON ddl_command_start EXECUTE FUNCTION noisy()`

func TestCopy_MakesThingsInTheOrderInWhichTheyNeedEachOther(t *testing.T) {
	t.Parallel()
	spec, source, target := pair(t, odds)
	var notices []string
	spec.Notice = func(sentence string) { notices = append(notices, sentence) }
	got := copied(t, spec)
	if changes := postgrestest.Inspected(t, source).Diff(postgrestest.Inspected(t, target)); len(changes) > 0 {
		t.Errorf("the schemas differ: %+v", changes)
	}
	for _, query := range []string{
		`SELECT conname || ' ' || convalidated || condeferrable || coalesce(obj_description(oid, 'pg_constraint'), '') FROM pg_constraint WHERE connamespace = 'public'::regnamespace ORDER BY 1`,
		`SELECT indexrelid::regclass || ' ' || indisvalid || indisclustered FROM pg_index WHERE indrelid >= 16384 AND indexrelid::regclass::text !~ '^pg_' ORDER BY 1`,
		`SELECT relname || ' ' || relispopulated || relreplident::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'm', 'p') ORDER BY 1`,
		`SELECT h::text FROM per_hen h ORDER BY id`, `SELECT all_of_them::text FROM of_view`, `SELECT p::text || tableoid::regclass FROM parts p ORDER BY id`,
		`SELECT evtname || evtenabled::text FROM pg_event_trigger`, `SELECT stxname || stxstattarget FROM pg_statistic_ext`, `SELECT pubname || puballtables FROM pg_publication`,
		`SELECT last_value::text FROM "Odd ""Numbers"""`, `SELECT o::text FROM "Odd; Type: INDEX" o`,
	} {
		if diff := cmp.Diff(postgrestest.Answer(t, source, query), postgrestest.Answer(t, target, query)); diff != "" {
			t.Errorf("%s: %s", query, diff)
		}
	}
	for _, table := range got.Tables {
		if strings.Contains(table.Table, "there") {
			t.Errorf("%s was copied", table.Table)
		}
	}
	if !strings.Contains(strings.Join(notices, "\n"), "logs_there") {
		t.Errorf("nothing was said about the foreign partition: %v", notices)
	}
	if got := postgrestest.Answer(t, target, `SELECT count(*)::text FROM pg_statistic WHERE starelid IN ('hens'::regclass, 'logs_here'::regclass, 'parts_old_1'::regclass, 'per_hen'::regclass)`); got != "10" {
		t.Errorf("%s columns have statistics; expected 10", got)
	}
}

func TestCopy_TemporaryTablesOfOthersStayTheirs(t *testing.T) {
	t.Parallel()
	spec, source, _ := pair(t, `CREATE TEMP TABLE passing (x int); INSERT INTO passing VALUES (1); CREATE TABLE stays (x int)`)
	postgrestest.Runs(t, source, `BEGIN; LOCK TABLE passing`)
	got := copied(t, spec)
	if len(got.Tables) != 1 || got.Tables[0].Table != "public.stays" {
		t.Errorf("copied: %+v", got.Tables)
	}
}

func TestCopy_CircularForeignKeysThatNoMaskKeepsAreNamed(t *testing.T) {
	t.Parallel()
	spec, _, _ := pair(t, strings.ReplaceAll(odds, "CREATE EVENT TRIGGER", "-- "))
	spec.Masks = func(table string, _ []understudy.Column) (understudy.TableMasks, error) {
		if table != "public.hens" {
			return understudy.TableMasks{}, nil
		}
		return masking("egg", func([]byte) ([]byte, error) { return []byte("4711"), nil }), nil
	}
	_, err := logicalCopy(t, spec)
	postgrestest.Refused(t, err, understudy.KindInvalid, "first_egg", "by the same rule")
	if strings.Contains(err.Error(), "4711") {
		t.Errorf("the error shows a value: %v", err)
	}
}
