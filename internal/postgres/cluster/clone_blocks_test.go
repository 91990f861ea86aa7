package cluster_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"understudy"
	"understudy/internal/filetree/filetreetest"
	"understudy/internal/postgres/cluster"
	"understudy/internal/postgres/postgrestest"
)

// sharingKinds are the file systems here on which files share blocks.
func sharingKinds(t testing.TB) []filetreetest.Kind {
	t.Helper()
	return filetreetest.Here(t)[1:]
}

// onDisk is a cluster on a file system of its own.
func onDisk(t testing.TB, kind filetreetest.Kind, megabytes int, settings map[string]string) *cluster.Cluster {
	t.Helper()
	spec := postgrestest.Spec(filetreetest.Folder(t, kind, megabytes), 0)
	for name, value := range settings {
		spec.Settings[name] = value
	}
	c := cluster.New(spec)
	t.Cleanup(func() {
		if err := c.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if err := c.Start(t.Context()); err != nil {
		t.Fatalf("starting: %v (hint: %s)", err, understudy.HintOf(err))
	}
	return c
}

// lived is a database that has been used: catalogs moved to other files, toasted values,
// an unlogged table that no ordinary checkpoint writes out, an owner and grants, and
// transactions that were rolled back and are older than those of the server's own templates.
func lived(t testing.TB, c *cluster.Cluster, name string) {
	t.Helper()
	for _, statement := range []string{
		"CREATE ROLE keeper", "CREATE DATABASE " + name + " OWNER keeper",
	} {
		postgrestest.Exec(t, c, "postgres", statement)
	}
	for _, statement := range []string{
		"CREATE EXTENSION amcheck",
		"CREATE TABLE kept (id int PRIMARY KEY, t text)",
		"INSERT INTO kept SELECT g, repeat(md5(g::text), 4) FROM generate_series(1, 20000) g",
		"CREATE INDEX ON kept (md5(t))",
		"ALTER TABLE kept OWNER TO keeper",
		"INSERT INTO kept SELECT 100000, string_agg(md5(g::text), '') FROM generate_series(1, 4000) g",
		"DELETE FROM kept WHERE id % 7 = 0",
		"VACUUM FULL pg_class", "VACUUM FULL kept",
		"DO $$ BEGIN INSERT INTO kept VALUES (-1, 'never'); RAISE EXCEPTION 'undone'; EXCEPTION WHEN others THEN NULL; END $$",
		"CREATE UNLOGGED TABLE scratch AS SELECT generate_series(1, 5000) AS n",
	} {
		postgrestest.Exec(t, c, name, statement)
	}
	postgrestest.Exec(t, c, "postgres", "ALTER DATABASE template0 ALLOW_CONNECTIONS true")
	postgrestest.Exec(t, c, "template0", "VACUUM FREEZE") // its transactions are younger now than the template's
	postgrestest.Exec(t, c, "postgres", "ALTER DATABASE template0 ALLOW_CONNECTIONS false")
}

// contents is what lived left, found through heap and indexes.
const contents = `SELECT concat_ws(' ', (SELECT count(*) || ':' || sum(id) || ':' || md5(string_agg(t, '' ORDER BY id)) FROM kept),
	(SELECT pg_get_userbyid(relowner) FROM pg_class WHERE relname = 'kept'),
	(SELECT count(*) FROM pg_shdepend WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())))`

// healthy holds a database to what amcheck and the age of its transactions say.
func healthy(t *testing.T, c *cluster.Cluster, name string) {
	t.Helper()
	postgrestest.Exec(t, c, name, `SELECT bt_index_check(c.oid, true) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam
		WHERE a.amname = 'btree' AND c.relpersistence <> 't'`)
	if bad := value(t, c, name, `SELECT count(*)::text FROM pg_class c, LATERAL verify_heapam(c.oid) WHERE c.relkind IN ('r', 't', 'm')`); bad != "0" {
		t.Errorf("%s complaints about tables of %s", bad, name)
	}
	if ok := value(t, c, name, `SELECT (age(d.datfrozenxid) >= max(age(c.relfrozenxid)) AND mxid_age(d.datminmxid) >= max(mxid_age(c.relminmxid)))::text
		FROM pg_database d, pg_class c WHERE d.datname = current_database() AND c.relfrozenxid <> '0' GROUP BY d.datfrozenxid, d.datminmxid`); ok != "true" {
		t.Errorf("%s holds transactions that are older than the server believes", name)
	}
	postgrestest.Exec(t, c, name, "VACUUM FREEZE")
}

func TestClone_SharesTheTemplatesBlocksWhereFilesCan(t *testing.T) {
	for _, kind := range sharingKinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			fsync := "on"
			if kind == filetreetest.Btrfs { // once is enough for what it changes
				fsync = "off"
			}
			c := onDisk(t, kind, 500, map[string]string{"fsync": fsync})
			lived(t, c, "template")
			made, err := c.Clone(t.Context(), "template", "clone", "")
			if err != nil {
				t.Fatal(err)
			}
			if made.Strategy != cluster.SharedBlocks || made.Shared < made.Bytes*9/10 || !strings.Contains(made.Why, "share") {
				t.Errorf("made as %+v", made)
			}
			same(t, c, "template", "clone")
			if got := value(t, c, "clone", "SELECT count(*)::text FROM scratch"); got != "5000" {
				t.Errorf("the unlogged table has %s of 5000 rows", got)
			}
			healthy(t, c, "clone")
			postgrestest.Exec(t, c, "clone", "UPDATE kept SET t = 'mine'")
			same(t, c, "template", "template")
			if got := value(t, c, "template", "SELECT count(*)::text FROM kept WHERE t = 'mine'"); got != "0" {
				t.Errorf("%s rows that the clone wrote are in the template", got)
			}
			age := value(t, c, "postgres", "SELECT datname FROM pg_database WHERE datname LIKE 'understudy%' UNION ALL SELECT 'none' LIMIT 1")
			if age != "none" {
				t.Errorf("left behind: %s", age)
			}
		})
	}
}

func same(t *testing.T, c *cluster.Cluster, a, b string) {
	t.Helper()
	if x, y := value(t, c, a, contents), value(t, c, b, contents); x != y {
		t.Errorf("%s holds\n%s\nand %s holds\n%s", a, x, b, y)
	}
}

func TestClone_AServerKilledAfterAnyStepLeavesTheLastGoodOne(t *testing.T) {
	for _, kind := range sharingKinds(t) {
		if kind != filetreetest.XFS { // the server's files are the same on all of them
			continue
		}
		t.Run(string(kind), func(t *testing.T) {
			c := onDisk(t, kind, 600, map[string]string{"full_page_writes": "on"})
			lived(t, c, "template")
			was := value(t, c, "template", contents)
			for steps := 1; steps <= cluster.BlockSteps(); steps++ {
				killedAfter(t, c, steps)
				if got := value(t, c, "template", contents); got != was {
					t.Fatalf("the template was\n%s\nand is\n%s", was, got)
				}
				name := fmt.Sprintf("clone%d", steps)
				there := value(t, c, "postgres", "SELECT count(*)::text FROM pg_database WHERE datname = $1", name)
				if last := steps == cluster.BlockSteps(); (there == "1") != last {
					t.Fatalf("after step %d of %d there are %s databases of the clone's name", steps, cluster.BlockSteps(), there)
				}
				if there == "0" {
					if _, err := c.Clone(t.Context(), "template", name, ""); err != nil {
						t.Fatal(err)
					}
				}
				same(t, c, "template", name)
				healthy(t, c, name)
				drop(t, c, name)
			}
			healthy(t, c, "template")
		})
	}
}

// killedAfter kills the server after a step, and starts it again.
func killedAfter(t *testing.T, c *cluster.Cluster, steps int) {
	t.Helper()
	var pid int
	err := cluster.CloneUpTo(t.Context(), c, "template", fmt.Sprintf("clone%d", steps), steps, func(after string) {
		t.Logf("killed after: %s", after)
		pid = postmasterPID(t, dataDir(t, c))
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(t.Context()); err != nil {
		t.Fatalf("starting again: %v", err)
	}
}

func dataDir(t testing.TB, c *cluster.Cluster) string {
	t.Helper()
	conn, err := c.Connect(context.Background(), "postgres")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	var dir string
	if err := conn.QueryRow(context.Background(), "SHOW data_directory").Scan(&dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestClone_CopiesWhatLiesInAnotherTablespace(t *testing.T) {
	for _, kind := range sharingKinds(t) {
		if kind != filetreetest.XFS {
			continue
		}
		c := onDisk(t, kind, 500, nil)
		lived(t, c, "template")
		place := filetreetest.Folder(t, filetreetest.Plain, 0)
		owner, err := cluster.RunAs()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(place, owner.UID, owner.GID); err != nil {
			t.Fatal(err)
		}
		postgrestest.Exec(t, c, "postgres", "CREATE TABLESPACE aside LOCATION '"+place+"'")
		postgrestest.Exec(t, c, "template", "ALTER TABLE kept SET TABLESPACE aside")
		made, err := c.Clone(t.Context(), "template", "clone", "")
		if err != nil {
			t.Fatal(err)
		}
		if made.Strategy != cluster.FileCopy || !strings.Contains(made.Why, "tablespace") {
			t.Errorf("made as %+v", made)
		}
		same(t, c, "template", "clone")
	}
}

func TestInventory_TellsAgeAndSizeOfEveryClone(t *testing.T) {
	c, template := postgrestest.Database(t)
	before := time.Now().Add(-5 * time.Second)
	name := template + "_clone"
	t.Cleanup(func() { drop(t, c, name) })
	if _, err := c.Clone(t.Context(), template, name, ""); err != nil {
		t.Fatal(err)
	}
	all, err := c.Inventory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range all {
		if one.Name == name {
			if one.Made.Before(before) || one.Made.After(time.Now().Add(time.Second)) || one.Bytes < 1<<20 || one.Unfinished {
				t.Errorf("the clone is listed as %+v", one)
			}
			return
		}
	}
	t.Errorf("the clone is not in %+v", all)
}
