package physical_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"understudy"
	"understudy/internal/postgres/cluster"
	"understudy/internal/postgres/physical"
	"understudy/internal/postgres/postgrestest"
)

// planted is where originals lie in a cluster beside the living rows of its tables. All of
// them begin with Zq.
const planted = `
	CREATE TABLE notes (id bigint PRIMARY KEY, word text NOT NULL, long text, other text);
	ALTER TABLE notes ALTER long SET STORAGE EXTERNAL, ALTER word SET (n_distinct = 10);
	INSERT INTO notes SELECT i, 'ZqCommon', CASE i % 500 WHEN 0 THEN repeat('ZqToasted ' || i || ' ', 400) WHEN 1 THEN repeat('ZqGone ' || i || ' ', 900) END FROM generate_series(1, 5000) i;
	ALTER TABLE notes ALTER long SET STORAGE EXTENDED;
	INSERT INTO notes SELECT i, 'ZqPressed', repeat('ZqPressed ', 500) FROM generate_series(5001, 5040) i;
	CREATE INDEX notes_word ON notes (word); CREATE INDEX notes_upper ON notes (upper(long)) WHERE length(long) < 1000;
	CREATE STATISTICS notes_both (mcv) ON word, other FROM notes;
	UPDATE notes SET word = 'ZqDead' || id WHERE id % 50 = 7; UPDATE notes SET word = 'ZqAlive' WHERE id % 50 = 7;
	DELETE FROM notes WHERE id % 500 = 1;
	UPDATE notes SET other = 'aborted'; 
	CREATE TABLE past (word text, long text);
	ALTER TABLE past ALTER long SET STORAGE EXTERNAL; INSERT INTO past SELECT 'ZqPast', repeat('ZqOutside' || i, 500) FROM generate_series(1, 20) i;
	UPDATE past SET long = 'ZqShort';
	CREATE MATERIALIZED VIEW seen AS SELECT word, count(*) FROM notes GROUP BY 1;
	CREATE MATERIALIZED VIEW again AS SELECT upper(word) AS up FROM seen;
	CREATE TABLE kept (id bigint, forgotten text, stays text);
	INSERT INTO kept SELECT i, 'ZqForgotten' || i, 'stays' FROM generate_series(1, 500) i;
	ALTER TABLE kept DROP COLUMN forgotten;
	ALTER TABLE past ADD late text DEFAULT 'ZqMissing'; ALTER TABLE past ALTER late DROP DEFAULT;
	CREATE TEMPORARY TABLE passing AS SELECT 'ZqPassing' || i % 3 AS word FROM generate_series(1, 500) i;
	ANALYZE; ANALYZE passing;`

func TestCopy_LeavesNoOriginalInAnyFile(t *testing.T) {
	folder := postgrestest.Folder(t)
	from := postgrestest.Started(t, cluster.Spec{
		Dir: filepath.Join(folder, "production"), SocketDir: filepath.Join(folder, "s"),
		Settings: map[string]string{"fsync": "off", "max_prepared_transactions": "5", "wal_level": "logical", "autovacuum": "off"},
	})
	shop := postgrestest.Connected(t, emptyDatabase(t, from, "shop"))
	postgrestest.Runs(t, shop, `SELECT pg_create_logical_replication_slot('held', 'test_decoding')`)
	other := postgrestest.Connected(t, emptyDatabase(t, from, "other"))
	postgrestest.Runs(t, other, `CREATE TABLE elsewhere AS SELECT 'ZqElsewhere' || i AS v FROM generate_series(1, 100) i; BEGIN; INSERT INTO elsewhere VALUES ('ZqPrepared'); PREPARE TRANSACTION 'held'`)
	postgrestest.Runs(t, shop, planted)
	postgrestest.Runs(t, shop, `CREATE ROLE clerk LOGIN PASSWORD 'ZqPassword'; CREATE SUBSCRIPTION follows CONNECTION 'host=127.0.0.1 password=ZqSecret' PUBLICATION p WITH (connect = false)`)
	scan := &scanner{planted: []string{"Zq", "SCRAM-SHA"}}
	if err := os.WriteFile(filepath.Join(folder, "production", "server.log"), []byte("ZqLogged"), 0o644); err != nil {
		t.Fatal(err)
	}
	renameSuperuser(t, from)
	_, err := physical.Copy(t.Context(), physical.Spec{From: filepath.Join(folder, "production"), Database: "shop", Dir: filepath.Join(folder, "data"), Masks: shifting()})
	postgrestest.Refused(t, err, understudy.KindConflict, "a server runs on it")
	crash(t, filepath.Join(folder, "production"))
	for _, name := range []string{"00000001.history", "000000010000000000000001.00000028.backup"} {
		if err := os.WriteFile(filepath.Join(folder, "production", "pg_wal", name), []byte("ZqHistory"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	plantOrphan(t, filepath.Join(folder, "production"))

	var notices []string
	spec := physical.Spec{
		From: filepath.Join(folder, "production"), Database: "shop", Dir: filepath.Join(folder, "data"), Verify: true,
		Masks: shifting("public.notes.word", "public.notes.long", "public.past.word", "public.past.long", "public.past.late"), Scan: scan.scan, Notice: func(s string) { notices = append(notices, s) },
	}
	result, err := physical.Copy(t.Context(), spec)
	if err != nil {
		t.Fatalf("copying: %v (hint: %s)", err, understudy.HintOf(err))
	}
	if len(scan.found) > 0 {
		t.Errorf("originals were found: %s", strings.Join(scan.found, ", "))
	}
	if _, err := os.Stat(spec.From); !errors.Is(err, os.ErrNotExist) {
		t.Error("the directory that was taken over is still there")
	}
	if !strings.Contains(strings.Join(notices, "\n"), "database other") {
		t.Errorf("nobody was told what the twin does not have: %q", notices)
	}
	twin := postgrestest.Connected(t, postgrestest.Started(t, cluster.Spec{Dir: spec.Dir, SocketDir: filepath.Join(folder, "t")}).AdminURL("shop"))
	for query, want := range map[string]string{
		`SELECT count(*) FROM notes`:                                                                 "5029",
		`SELECT count(*) FROM notes WHERE long LIKE 'ArUpbtufe %'`:                                   "10",
		`SELECT count(*) FROM notes WHERE long LIKE 'ArQsfttfe ArQ%'`:                                "39",
		`SELECT count(*) FROM notes WHERE word = 'ArBmjwf'`:                                          "101",
		`SELECT count(*) FROM notes WHERE word = 'ArDpnnpo'`:                                         "4890",
		`SELECT string_agg(up, ',' ORDER BY up) FROM again`:                                          "ARBMJWF,ARDPNNPO,ARQSFTTFE",
		`SELECT string_agg(datname, ',' ORDER BY datname) FROM pg_database`:                          "postgres,shop,template0,template1",
		`SELECT count(*) FROM pg_subscription`:                                                       "0",
		`SELECT count(*) FROM pg_authid WHERE rolpassword IS NOT NULL`:                               "0",
		`SELECT count(*) FROM pg_prepared_xacts`:                                                     "0",
		`SELECT count(*) FROM pg_replication_slots`:                                                  "0",
		`SELECT count(*) FROM pg_index WHERE NOT indisvalid`:                                         "0",
		`SELECT most_common_vals::text FROM pg_stats WHERE tablename = 'notes' AND attname = 'word'`: "{ArDpnnpo,ArBmjwf,ArQsfttfe}",
	} {
		if got := postgrestest.Answer(t, twin, query); got != want {
			t.Errorf("%s: %s instead of %s", query, got, want)
		}
	}
	t.Logf("%+v", result.Masked)
}

// crash ends the server on a directory without a word: what is in the files is what there is.
func crash(t *testing.T, dir string) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(content), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	postgrestest.Until(t, "the server is gone", func() bool {
		alive, err := cluster.New(cluster.Spec{Dir: dir}).Alive()
		return err == nil && !alive
	})
}

// renameSuperuser gives the superuser another name, as some productions have it.
func renameSuperuser(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	postgrestest.Exec(t, c, "postgres", "CREATE ROLE boss SUPERUSER LOGIN")
	boss := postgrestest.Connected(t, strings.Replace(c.AdminURL("template1"), "user=postgres", "user=boss", 1))
	postgrestest.Runs(t, boss, "ALTER ROLE postgres RENAME TO owner")
}

// plantOrphan leaves a file that belongs to no relation, as a crash does.
func plantOrphan(t *testing.T, dir string) {
	t.Helper()
	folders, err := filepath.Glob(filepath.Join(dir, "base", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range folders {
		if err := os.WriteFile(filepath.Join(folder, "99999"), bytes.Repeat([]byte("ZqOrphan"), 1024), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func emptyDatabase(t *testing.T, c *cluster.Cluster, name string) string {
	t.Helper()
	if _, err := c.EnsureDatabase(context.Background(), name, "", nil); err != nil {
		t.Fatal(err)
	}
	return c.AdminURL(name)
}
