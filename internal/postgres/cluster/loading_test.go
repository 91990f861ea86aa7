package cluster_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"understudy"
	"understudy/internal/postgres/cluster"
	"understudy/internal/postgres/postgrestest"
)

// loaded is a cluster in a folder of its own into which a database was loaded, unsealed.
// Its fsync is what it is described with.
func loaded(t *testing.T, fsync string) (c *cluster.Cluster, dir string) {
	t.Helper()
	spec := postgrestest.Spec(postgrestest.Folder(t), 0)
	spec.Settings = map[string]string{"shared_buffers": "64MB", "max_wal_senders": "7", "fsync": fsync}
	c = cluster.New(spec)
	if err := c.StartForLoading(t.Context()); err != nil {
		t.Fatalf("loading: %v (hint: %s)", err, understudy.HintOf(err))
	}
	postgrestest.Exec(t, c, "postgres", "CREATE DATABASE golden")
	postgrestest.Exec(t, c, "golden", "BEGIN; CREATE TABLE t (n int); INSERT INTO t SELECT generate_series(1, 50000); CREATE INDEX ON t (n); COMMIT")
	return c, spec.Dir
}

// careful are the settings that loading changes; the first is that of the description.
const careful = `SELECT concat_ws(' ', current_setting('fsync'), current_setting('full_page_writes'), current_setting('wal_level'),
	current_setting('autovacuum'), current_setting('max_wal_senders'), current_setting('shared_buffers'))`

func count(t *testing.T, c *cluster.Cluster) string {
	t.Helper()
	return value(t, c, "golden", "SELECT count(*)::text FROM t WHERE n > 0")
}

func TestSeal_LeavesTheClusterAsDescribedAndWhole(t *testing.T) {
	c, dir := loaded(t, "on")
	if got := value(t, c, "postgres", careful); !strings.HasPrefix(got, "off off minimal off 0 ") {
		t.Errorf("while it is loaded: %s", got)
	}
	if err := c.StartForLoading(t.Context()); err != nil {
		t.Errorf("once more: %v", err)
	}
	postgrestest.Refused(t, c.Start(t.Context()), understudy.KindConflict, "being loaded", "sealed")
	for range 2 {
		if err := c.Seal(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := c.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := value(t, c, "postgres", careful); got != "on on replica on 7 64MB" {
			t.Errorf("sealed: %s", got)
		}
		if got := count(t, c); got != "50000" {
			t.Errorf("%s rows", got)
		}
	}
	if left, _ := filepath.Glob(dir + ".loading*"); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}

func TestStart_SealsWhatAKilledServerLeftUnsealed(t *testing.T) {
	c, dir := loaded(t, "off")
	if err := syscall.Kill(postmasterPID(t, dir), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	postgrestest.Until(t, "the server has ended", func() bool { return !c.Running(t.Context()) })
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := count(t, c) + " " + value(t, c, "postgres", careful); got != "50000 off on replica on 7 64MB" {
		t.Error(got)
	}
}

func TestStart_RefusesWhatTheMachineDidNotLiveThrough(t *testing.T) {
	c, dir := loaded(t, "off")
	if err := c.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+".loading", []byte(`{"boot":"another","since":"2026-01-02T03:04:05Z"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, act := range map[string]func(context.Context) error{
		"start": c.Start, "seal": c.Seal, "load": func(ctx context.Context) error { return c.StartForLoading(ctx) },
	} {
		t.Log(name)
		postgrestest.Refused(t, act(t.Context()), understudy.KindRefused, "nothing in it can be trusted", "2026-01-02 03:04:05", "remove it")
	}
	if err := c.Remove(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if all, err := c.Databases(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("a new cluster holds %q, %v", all, err)
	}
}

func TestStartForLoading_PutsNoOtherDatabaseAtRisk(t *testing.T) {
	c, _ := loaded(t, "off")
	if err := c.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c.Running(t.Context()) {
		t.Error("it runs on when it is sealed")
	}
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	postgrestest.Refused(t, c.StartForLoading(t.Context(), "another"), understudy.KindConflict, "golden", "cluster of its own")
	if got := value(t, c, "postgres", careful); got != "off on replica on 7 64MB" {
		t.Errorf("after the refusal: %s", got)
	}
	if err := c.StartForLoading(t.Context(), "golden"); err != nil {
		t.Fatal(err)
	}
	other := cluster.New(postgrestest.Spec(postgrestest.Folder(t), 0))
	postgrestest.Refused(t, other.Replace(t.Context(), c), understudy.KindConflict, "not sealed")
}
