package commitgate_test

import (
	"context"
	"sync"
	"testing"

	"understudy/internal/postgres/commitgate"
	"understudy/internal/postgres/postgrestest"
	"understudy/internal/postgres/wal"
)

func TestGate_HoldsWhoAsksForItAndNobodyElse(t *testing.T) {
	c, name := postgrestest.Database(t)
	look := postgrestest.Connected(t, c.AdminURL("postgres"))
	gated := postgrestest.Connected(t, c.AdminURL(name))
	free := postgrestest.Connected(t, c.AdminURL(name))
	postgrestest.Runs(t, gated, "SET synchronous_commit = remote_apply; CREATE TABLE t (i int)")
	postgrestest.Runs(t, free, "SET synchronous_commit = local")
	var mutex sync.Mutex
	var locks []string
	records := 0
	gate, err := commitgate.Open(t.Context(), commitgate.Spec{URL: c.AdminURL("postgres"),
		Record: func(*wal.Record) { records++ },
		Hold: func(ctx context.Context, ends []wal.Outcome) error {
			mutex.Lock()
			defer mutex.Unlock()
			locks = append(locks, postgrestest.Answer(t, look, "SELECT mode FROM pg_locks WHERE locktype = 'relation' AND relation >= 16384 AND mode = 'AccessExclusiveLock'"))
			return nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		postgrestest.Runs(t, gated, "ALTER TABLE t ADD COLUMN IF NOT EXISTS x int; ALTER TABLE t DROP COLUMN x")
		postgrestest.Runs(t, free, "INSERT INTO t VALUES (1)")
	}
	report, err := gate.Close(t.Context())
	if err != nil || !report.Held || !report.Read {
		t.Fatalf("%+v, %v", report, err)
	}
	if len(locks) != 20 || records < 40 {
		t.Errorf("held %d commits, and read %d records", len(locks), records)
	}
	for _, held := range locks {
		if held != "AccessExclusiveLock" {
			t.Errorf("a held commit had %q", held)
		}
	}
}

// TestGate_ASlowLookIsNoReleasedGate shows the gate nothing for longer than commits are held,
// as on a machine that is too busy.
func TestGate_ASlowLookIsNoReleasedGate(t *testing.T) {
	c, name := postgrestest.Database(t)
	postgrestest.Runs(t, postgrestest.Connected(t, c.AdminURL(name)), `CREATE SCHEMA slow; CREATE SEQUENCE slow.looks;
		CREATE FUNCTION slow.pg_stat_get_activity(pid int) RETURNS TABLE (wait_event text) LANGUAGE plpgsql AS $$ BEGIN
			IF nextval('slow.looks') = 1 THEN PERFORM pg_sleep(0.6); RETURN; END IF;
			RETURN QUERY SELECT a.wait_event FROM pg_catalog.pg_stat_get_activity(pid) AS a;
		END $$`)
	gate, err := commitgate.Open(t.Context(), commitgate.Spec{URL: c.AdminURL(name),
		Record: func(*wal.Record) {}, Hold: func(context.Context, []wal.Outcome) error { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	if err := gate.Look(t.Context(), "slow, pg_catalog"); err != nil {
		t.Error(err)
	}
	report, err := gate.Close(t.Context())
	if err != nil || !report.Held || !report.Read {
		t.Errorf("%+v, %v", report, err)
	}
	if looks := postgrestest.Answer(t, postgrestest.Connected(t, c.AdminURL(name)), "SELECT (last_value > 1)::text FROM slow.looks"); looks != "true" {
		t.Error("it did not look again")
	}
}
