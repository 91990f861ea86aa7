package commitgate_test

import (
	"context"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"understudy/internal/postgres/commitgate"
	"understudy/internal/postgres/postgrestest"
	"understudy/internal/postgres/wal"
)

func TestGate_TheSenderTakesTheProcessorFromNoSession(t *testing.T) {
	c, _ := postgrestest.Database(t)
	look := postgrestest.Connected(t, c.AdminURL("postgres"))
	gate, err := commitgate.Open(t.Context(), commitgate.Spec{URL: c.AdminURL("postgres"),
		Record: func(*wal.Record) {}, Hold: func(context.Context, []wal.Outcome) error { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	for who, want := range map[string]uint32{"pg_stat_replication": unix.SCHED_BATCH, "pg_stat_activity WHERE pid = pg_backend_pid()": unix.SCHED_NORMAL} {
		pid, err := strconv.Atoi(postgrestest.Answer(t, look, "SELECT pid FROM "+who))
		if err != nil {
			t.Fatal(err)
		}
		if how, err := unix.SchedGetAttr(pid, 0); err != nil || how.Policy != want {
			t.Errorf("the process of %s is planned by policy %d instead of %d: %v", who, how.Policy, want, err)
		}
	}
	if _, err := gate.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}
