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
