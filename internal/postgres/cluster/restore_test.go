package cluster_test

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"understudy"
	"understudy/internal/postgres"
	"understudy/internal/postgres/cluster"
	"understudy/internal/postgres/postgrestest"
)

// everything is what a database may hold that a copy could forget.
const everything = `
CREATE EXTENSION pg_trgm SCHEMA public; CREATE EXTENSION hstore SCHEMA public;
CREATE SCHEMA shop; CREATE TYPE shop.mood AS ENUM ('good', 'bad'); CREATE DOMAIN shop.money AS numeric CHECK (VALUE >= 0);
CREATE TABLE shop.orders (id bigint GENERATED ALWAYS AS IDENTITY, net shop.money, gross numeric GENERATED ALWAYS AS (net * 1.2) STORED, mood shop.mood, tags public.hstore, name text, gone int, PRIMARY KEY (id));
ALTER TABLE shop.orders DROP COLUMN gone;
INSERT INTO shop.orders (net, mood, tags) SELECT g, 'good', 'a=>1' FROM generate_series(1, 500) g; DELETE FROM shop.orders WHERE id > 490;
CREATE SEQUENCE shop.number START 1000 INCREMENT 7 CACHE 3; SELECT nextval('shop.number');
CREATE MATERIALIZED VIEW shop.totals AS SELECT mood, sum(net) FROM shop.orders GROUP BY mood;
CREATE TABLE shop.parts (at date, n int) PARTITION BY RANGE (at); CREATE TABLE shop.parts_1 PARTITION OF shop.parts FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
INSERT INTO shop.parts VALUES ('2026-05-05', 1); CREATE UNLOGGED TABLE shop.loose AS SELECT 1 AS one;
CREATE FUNCTION shop.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER touch BEFORE UPDATE ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.touch();
ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY; CREATE POLICY cheap ON shop.orders USING (net < 400); CREATE STATISTICS shop.together ON id, mood FROM shop.orders;
CREATE INDEX orders_like ON shop.orders USING gin (name public.gin_trgm_ops); COMMENT ON TABLE shop.orders IS 'what was bought';
SELECT lo_from_bytea(4711, 'a large object'); ALTER TABLE shop.orders CLUSTER ON orders_pkey; CREATE PUBLICATION all_of_it FOR TABLE shop.orders`

// asText is all of a database as statements, in one order.
func asText(t *testing.T, c *cluster.Cluster, database string) string {
	t.Helper()
	var text strings.Builder
	if err := (postgres.Tool{Bin: postgrestest.Bin(t), Name: "pg_dump", URL: c.AdminURL(database)}).Run(t.Context(), nil, &text); err != nil {
		t.Fatal(err)
	}
	return regexp.MustCompile(`(?m)^\\(un)?restrict .*\n`).ReplaceAllString(text.String(), "") // made up anew each time
}

func TestSwap_PutsADatabaseBackToItsSafetyCopyToTheLetter(t *testing.T) {
	c, name, owner := furnished(t)
	postgrestest.Exec(t, c, name, everything)
	for _, statement := range []string{
		"ALTER SCHEMA shop OWNER TO " + pgx.Identifier{owner}.Sanitize(), "ALTER TABLE shop.orders OWNER TO " + pgx.Identifier{owner}.Sanitize(),
		"GRANT SELECT (net) ON shop.orders TO PUBLIC", "ALTER DEFAULT PRIVILEGES IN SCHEMA shop GRANT SELECT ON TABLES TO PUBLIC", "ALTER LARGE OBJECT 4711 OWNER TO " + pgx.Identifier{owner}.Sanitize(),
	} {
		postgrestest.Exec(t, c, name, statement)
	}
	was, settings, aside := asText(t, c, name), value(t, c, "postgres", ownerSettingsGrants, name), cluster.Aside(name, "p1")
	t.Cleanup(func() { drop(t, c, aside) })
	copied := copyOf(t, c, name)
	sizes, err := c.Sizes(t.Context(), []string{name})
	if err != nil || sizes[name] < 1<<20 {
		t.Fatalf("sizes %v, %v", sizes, err)
	}
	if err := c.RoomToStage(t.Context(), sizes); err != nil {
		t.Error(err)
	}
	postgrestest.Refused(t, c.RoomToStage(t.Context(), map[string]int64{name: 1 << 60}), understudy.KindRefused, "nothing was begun")
	postgrestest.Exec(t, c, name, "DROP TABLE public.kept; ALTER TABLE shop.orders DROP COLUMN net CASCADE; SELECT nextval('shop.number'), lo_unlink(4711); CREATE TABLE public.later AS SELECT 1")
	for range 2 { // done twice, it was done once
		if err := c.Stage(t.Context(), copied, name, aside); err != nil {
			t.Fatal(err)
		}
		if err := c.Swap(t.Context(), map[string]string{name: aside}); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(was, asText(t, c, name)); diff != "" {
		t.Errorf("it is not what it was:\n%s", diff)
	}
	if is := value(t, c, "postgres", ownerSettingsGrants, name); is != settings {
		t.Errorf("before:\n%s\nafter:\n%s", settings, is)
	}
	if n := value(t, c, name, "SELECT count(*)::text FROM pg_stats WHERE tablename = 'kept'"); n != "1" {
		t.Error("the planner knows nothing of it")
	}
	if n := value(t, c, aside, "SELECT count(*)::text FROM public.later"); n != "1" {
		t.Error("what was replaced is not there any more")
	}
	if left := value(t, c, "postgres", "SELECT count(*)::text FROM pg_database WHERE datname = ANY($1)", []string{cluster.StagedName(aside), cluster.WorkingName(cluster.StagedName(aside))}); left != "0" {
		t.Errorf("%s working databases are left", left)
	}
}

// copyOf is a safety copy of a database.
func copyOf(t *testing.T, c *cluster.Cluster, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "safety copy.dump")
	if err := c.Dump(t.Context(), name, path); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 || info.Size() == 0 {
		t.Fatalf("the copy is %v, %v", info, err)
	}
	return path
}

func TestSwap_PutsSeveralBackAtOnceOrNone(t *testing.T) {
	c, one := postgrestest.Database(t)
	_, other := postgrestest.Database(t)
	asides := map[string]string{one: cluster.Aside(one, "p1"), other: cluster.Aside(other, "p1")}
	copies := map[string]string{}
	for name, aside := range asides {
		t.Cleanup(func() { drop(t, c, aside) })
		copies[name] = copyOf(t, c, name)
		if err := c.Stage(t.Context(), copies[name], name, aside); err != nil {
			t.Fatal(err)
		}
		postgrestest.Exec(t, c, name, "CREATE TABLE public.later ()")
	}
	later := func() string {
		return value(t, c, one, "SELECT coalesce(to_regclass('public.later')::text, 'gone')") + " " + value(t, c, other, "SELECT coalesce(to_regclass('public.later')::text, 'gone')")
	}
	if err := c.Unstage(t.Context(), asides[other]); err != nil {
		t.Fatal(err)
	}
	if err := c.Swap(t.Context(), asides); understudy.KindOf(err) != understudy.KindConflict || later() != "later later" {
		t.Errorf("one was not staged: %v, and then %s", err, later())
	}
	if err := c.Stage(t.Context(), copies[other], other, asides[other]); err != nil {
		t.Fatal(err)
	}
	if err := c.Swap(t.Context(), asides); err != nil || later() != "gone gone" {
		t.Errorf("both were staged: %v, and then %s", err, later())
	}
}

func TestSwap_EndsWhoeverWorksInTheDatabaseAndLetsNobodyBetween(t *testing.T) {
	c, name := postgrestest.Database(t)
	aside := cluster.Aside(name, "p1")
	t.Cleanup(func() { drop(t, c, aside) })
	if err := c.Stage(t.Context(), copyOf(t, c, name), name, aside); err != nil {
		t.Fatal(err)
	}
	at := postgrestest.Connected(t, c.AdminURL(name))
	postgrestest.Runs(t, at, "BEGIN; CREATE TABLE public.later ()")
	follows := streams(t, c, name)
	if err := c.Swap(t.Context(), map[string]string{name: aside}); err != nil {
		t.Fatal(err)
	}
	if at.Ping(t.Context()) == nil || follows.Ping(t.Context()) == nil {
		t.Error("a session of before lives on")
	}
	if n := value(t, c, "postgres", "SELECT count(*)::text FROM pg_stat_activity WHERE datname = $1", aside); n != "0" {
		t.Errorf("%s sessions are on what was replaced", n)
	}
}

// streams is a connection as that of a live twin, which the server counts as a user of the database.
func streams(t *testing.T, c *cluster.Cluster, name string) *pgconn.PgConn {
	t.Helper()
	config, err := pgconn.ParseConfig(c.AdminURL(name))
	if err != nil {
		t.Fatal(err)
	}
	config.RuntimeParams["replication"] = "database"
	conn, err := pgconn.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) }) // it was ended by the server
	return conn
}

func TestStage_OfADamagedCopyLeavesTheDatabaseAsItWas(t *testing.T) {
	c, name, _ := furnished(t)
	copied, aside := copyOf(t, c, name), cluster.Aside(name, "p1")
	info, err := os.Stat(copied)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(copied, info.Size()*9/10); err != nil {
		t.Fatal(err)
	}
	if err := c.Stage(t.Context(), copied, name, aside); err == nil {
		t.Error("a damaged copy was read")
	}
	if err := c.Swap(t.Context(), map[string]string{name: aside}); err == nil {
		t.Error("and put in the place of the database")
	}
	if got := value(t, c, name, "SELECT count(*)::text FROM public.kept"); got != "1000" {
		t.Errorf("%s of 1000 rows", got)
	}
	if err := c.Stage(t.Context(), copied+"x", name, aside); understudy.KindOf(err) != understudy.KindNotFound {
		t.Errorf("a copy that is not there: %v", err)
	}
	if err := c.Dump(t.Context(), "no-such", copied+"y"); err == nil {
		t.Error("a database that is not there was copied")
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(copied), ".*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
}

func TestStage_BeginsAnewWhereACrashLeftItHalfReadAndNotWhereItWasWhole(t *testing.T) {
	c, name := postgrestest.Database(t)
	copied, aside := copyOf(t, c, name), cluster.Aside(name, "p1")
	staged := cluster.StagedName(aside)
	postgrestest.Exec(t, c, "postgres", `CREATE DATABASE "`+cluster.WorkingName(staged)+`"`)
	if err := c.Stage(t.Context(), copied, name, aside); err != nil {
		t.Fatal(err)
	}
	was := value(t, c, "postgres", "SELECT oid::text FROM pg_database WHERE datname = $1", staged)
	if err := c.Stage(t.Context(), copied, name, aside); err != nil {
		t.Fatal(err)
	}
	if is := value(t, c, "postgres", "SELECT oid::text FROM pg_database WHERE datname = $1", staged); is != was {
		t.Error("it was read again")
	}
	if err := c.Unstage(context.WithoutCancel(t.Context()), aside); err != nil {
		t.Fatal(err)
	}
}

func TestAside_IsANameThatFits(t *testing.T) {
	long := strings.Repeat("x", 60)
	for _, database := range []string{"main", long} {
		if name := cluster.Aside(database, "261121-051340-0b081f"); len(name) > 63 || name == cluster.Aside(database, "261121-051340-0b0820") {
			t.Errorf("%s goes aside as %s", database, name)
		}
	}
}
