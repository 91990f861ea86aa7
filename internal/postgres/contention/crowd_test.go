package contention_test

import (
	"context"
	"testing"
	"time"

	"understudy/internal/postgres/contention"
	"understudy/internal/postgres/postgrestest"
)

// until polls a condition.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !is(); {
		if time.Now().After(deadline) {
			t.Fatalf("not within 20s: %s", what)
		}
	}
}

func TestCrowd_StandsStillBehindALockThatWaitsForItsOwnTransaction(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		target    contention.Target
		statement string
	}{
		{contention.Target{Relation: `public."Odd one"`}, `ALTER TABLE "Odd one" ADD COLUMN v int`},
		{contention.Target{Relation: `public."Odd one"`, Writes: true}, `CREATE INDEX ON "Odd one" (id)`},
	} {
		server, name := postgrestest.Database(t)
		postgrestest.Exec(t, server, name, `CREATE TABLE "Odd one" (id int); INSERT INTO "Odd one" VALUES (1)`)
		crowd, err := contention.Open(t.Context(), server.AdminURL(name))
		if err != nil {
			t.Fatal(err)
		}
		defer crowd.Close(context.WithoutCancel(t.Context()))
		leave, err := crowd.Occupy(t.Context(), []contention.Target{c.target})
		if err != nil {
			t.Fatal(err)
		}
		defer leave()
		waits := func() bool {
			is, err := crowd.Waits(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return is
		}
		if err := crowd.Ask(t.Context(), c.target); err != nil || waits() {
			t.Fatalf("beside an open transaction, asking answers %v, and somebody waits: %t", err, waits())
		}
		done, asked := make(chan error, 1), make(chan error, 1)
		migration := postgrestest.Connected(t, server.AdminURL(name))
		go func() { _, err := migration.Exec(t.Context(), c.statement); done <- err }()
		until(t, "the statement waits", waits)
		go func() { asked <- crowd.Ask(t.Context(), c.target) }()
		select {
		case err := <-asked:
			t.Errorf("%s: behind the waiting lock, asking was answered: %v", c.statement, err)
		case <-time.After(300 * time.Millisecond):
		}
		leave()
		leave()
		if err := <-asked; err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestStill_WaitsForSessionsAndEndsThoseThatStay(t *testing.T) {
	t.Parallel()
	server, name := postgrestest.Database(t)
	ended, err := contention.Still(t.Context(), server.AdminURL("postgres"), []string{name}, 0)
	if err != nil || ended != 0 {
		t.Fatalf("nobody is there, and %d were ended: %v", ended, err)
	}
	brief := postgrestest.Connected(t, server.AdminURL(name))
	done := make(chan error, 1)
	go func() {
		_, err := brief.Exec(t.Context(), "SELECT pg_sleep(0.3)")
		done <- err
		brief.Close(context.WithoutCancel(t.Context()))
	}()
	if ended, err = contention.Still(t.Context(), server.AdminURL("postgres"), []string{name}, 15*time.Second); err != nil || ended != 0 {
		t.Errorf("one that ends by itself was ended: %d, %v", ended, err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	stays := postgrestest.Connected(t, server.AdminURL(name))
	go func() { _, err := stays.Exec(t.Context(), "SELECT pg_sleep(60)"); done <- err }()
	if ended, err = contention.Still(t.Context(), server.AdminURL("postgres"), []string{name}, 100*time.Millisecond); err != nil || ended != 1 {
		t.Errorf("of one that stays %d were ended: %v", ended, err)
	}
	if err := <-done; err == nil {
		t.Error("what stayed was not ended")
	}
}
