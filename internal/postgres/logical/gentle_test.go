package logical_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"understudy"
	"understudy/internal/postgres/logical"
	"understudy/internal/postgres/postgrestest"
)

// working are sessions that are at work on the source, waiting for a lock, until end is called.
func working(t *testing.T, url string, sessions int) (end func()) {
	t.Helper()
	holder := postgrestest.Connected(t, url)
	postgrestest.Runs(t, holder, `SELECT pg_advisory_lock(7)`)
	var group errgroup.Group
	for range sessions {
		conn := postgrestest.Connected(t, url)
		group.Go(func() error {
			_, err := conn.Exec(t.Context(), `SELECT pg_advisory_lock_shared(7)`)
			return err
		})
	}
	untilYes(t, holder, fmt.Sprintf(`SELECT count(*) = %d FROM pg_locks WHERE NOT granted AND locktype = 'advisory'
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`, sessions))
	return func() {
		postgrestest.Runs(t, holder, `SELECT pg_advisory_unlock(7)`)
		if err := group.Wait(); err != nil {
			t.Error(err)
		}
	}
}

func TestCopy_StandsStillWhileProductionHasMoreToDoThanAgreed(t *testing.T) {
	t.Parallel()
	c := postgrestest.Started(t, postgrestest.Spec(postgrestest.Folder(t), 0)) // of its own: other tests are at work too
	for _, name := range []string{"source", "target"} {
		if _, err := c.EnsureDatabase(t.Context(), name, "", nil); err != nil {
			t.Fatal(err)
		}
	}
	postgrestest.Runs(t, postgrestest.Connected(t, c.AdminURL("source")), `CREATE TABLE long (id int, filler text); INSERT INTO long SELECT i, repeat('x', 500) FROM generate_series(1, 60000) i`)
	spec := logical.Spec{Source: c.AdminURL("source"), Target: c.AdminURL("target"), Bin: postgrestest.Bin(t), Masks: noMasks,
		Gentle: logical.Gentle{Rate: -1, MaxLoad: 1}}
	end := working(t, spec.Source, 2)
	copying := started(t, spec)
	watcher := postgrestest.Connected(t, spec.Source)
	untilYes(t, watcher, `SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name LIKE 'understudy copy ________' AND query LIKE 'COPY%' AND wait_event = 'ClientWrite'`)
	end()
	got, err := copying.end()
	if err != nil {
		t.Fatal(err)
	}
	if got.Cost.Paused <= 0 || got.Cost.Busiest < 2 || got.Rows() != 60000 {
		t.Errorf("the cost is %+v", got.Cost)
	}
}

func TestCopy_ReadsNoFasterThanAgreed(t *testing.T) {
	t.Parallel()
	spec, _, _ := pair(t, manyRows)
	end := working(t, spec.Source, 1)
	spec.Gentle.Rate = 4 << 20
	got, err := logical.Copy(t.Context(), spec)
	end()
	if err != nil {
		t.Fatal(err)
	}
	// 10 MB at 4 MB/s, but for pieces that may be ahead; a busy machine has to be held back less
	if got.Cost.Limited <= 0 || got.Cost.Held < 2*time.Second {
		t.Errorf("%d bytes were read faster than agreed: %+v", got.Cost.Bytes, got.Cost)
	}
}

func TestCopy_EndsWhenTheSnapshotIsHeldForTooLong(t *testing.T) {
	t.Parallel()
	spec, source, _ := pair(t, manyRows)
	spec.Gentle.MaxHold = time.Second
	reached, release := halfWay(t, &spec)
	copying := started(t, spec)
	select {
	case <-reached:
	case <-copying.ended: // on a busy machine the second is over before half of the rows have come
	}
	seen := false // before it is there, it has not ended the copy either
	postgrestest.Until(t, "the watch has ended the copy", func() bool {
		said := postgrestest.Answer(t, source, `SELECT concat_ws(' ', count(*) FILTER (WHERE application_name LIKE '% guard'), COALESCE(max(clock_timestamp() - xact_start) > '5s', true))
			FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'understudy copy ________%'`)
		seen = seen || strings.HasPrefix(said, "1")
		return said == "0 t" || seen && strings.HasPrefix(said, "0") // on a busy machine it may come, look and go unseen
	})
	release()
	_, err := copying.end()
	postgrestest.Refused(t, err, understudy.KindUnavailable, "the policy allows 1s", "vacuum", "replica")
}

func TestCopy_ALimitToTheLoadNeedsARoleThatSeesIt(t *testing.T) {
	t.Parallel()
	spec, _, _ := pair(t, `CREATE TABLE a (b text); CREATE ROLE blind_role LOGIN; GRANT SELECT ON a TO blind_role`)
	t.Cleanup(func() {
		runsAfter(t, spec.Target, `DROP OWNED BY blind_role`)
		runsAfter(t, strings.Replace(spec.Source, "blind_role", "postgres", 1), `DROP OWNED BY blind_role; DROP ROLE blind_role`)
	})
	spec.Source = strings.Replace(spec.Source, "user=postgres", "user=blind_role", 1)
	spec.Gentle.MaxLoad = 3
	_, err := logical.Copy(t.Context(), spec)
	postgrestest.Refused(t, err, understudy.KindRefused, "may not see", "GRANT pg_monitor TO blind_role;")
	spec.Gentle.MaxLoad = 0
	copied(t, spec)
}
