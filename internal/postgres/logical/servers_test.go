package logical_test

import (
	"os"
	"path/filepath"
	"testing"

	"understudy"
	"understudy/internal/postgres"
	"understudy/internal/postgres/logical"
	"understudy/internal/postgres/postgrestest"
)

// ofItsOwn is a server of the test's own, with a database that has long in it.
func ofItsOwn(t *testing.T, settings map[string]string) (c *postgrestest.Server, folder string) {
	t.Helper()
	folder = postgrestest.Folder(t)
	spec := postgrestest.Spec(folder, 0)
	for name, value := range settings {
		spec.Settings[name] = value
	}
	c = postgrestest.Started(t, spec)
	if _, err := c.EnsureDatabase(t.Context(), "prod", "", nil); err != nil {
		t.Fatal(err)
	}
	postgrestest.Runs(t, postgrestest.Connected(t, c.AdminURL("prod")), manyRows)
	return c, folder
}

func TestCopy_ARestartOfTheSourceEndsItAndNothingHalfIsKept(t *testing.T) {
	t.Parallel()
	c, _ := ofItsOwn(t, nil)
	shared, to := postgrestest.Database(t)
	spec := logical.Spec{Source: c.AdminURL("prod"), Target: shared.AdminURL(to), Bin: postgrestest.Bin(t)}
	reached, release := halfWay(t, &spec)
	copying := started(t, spec)
	copying.until(t, reached)
	if err := c.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	release()
	_, err := copying.end()
	postgrestest.Refused(t, err, understudy.KindUnavailable, "view of the data", "restarted")
	if rows := postgrestest.Answer(t, postgrestest.Connected(t, spec.Target), `SELECT count(*)::text FROM long`); rows != "0" {
		t.Errorf("%s rows of a table that is not whole were kept", rows)
	}
}

// standby is a replica of a cluster, made from a copy of its files.
func standby(t *testing.T, c *postgrestest.Server, folder string) *postgrestest.Server {
	t.Helper()
	if err := c.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	beside := postgrestest.Folder(t)
	if err := os.CopyFS(filepath.Join(beside, "data"), os.DirFS(filepath.Join(folder, "data"))); err != nil {
		t.Fatal(err)
	}
	owned(t, filepath.Join(folder, "data"), filepath.Join(beside, "data"))
	if err := os.WriteFile(filepath.Join(beside, "data", "standby.signal"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	spec := postgrestest.Spec(beside, 0)
	spec.Settings["primary_conninfo"] = "host=" + filepath.Join(folder, "s") + " port=5432 user=postgres"
	spec.Settings["max_standby_streaming_delay"] = "0"
	return postgrestest.Started(t, spec)
}

func TestCopy_ReadsAReplicaAndSaysWhatToSetWhenItHasToReplay(t *testing.T) {
	t.Parallel()
	primary, folder := ofItsOwn(t, nil)
	replica := standby(t, primary, folder)
	shared, to := postgrestest.Database(t)
	spec := logical.Spec{Source: replica.AdminURL("prod"), Target: shared.AdminURL(to), Bin: postgrestest.Bin(t), Masks: noMasks}
	postgrestest.Exec(t, primary, "prod", `INSERT INTO small VALUES (2)`)
	watcher := postgrestest.Connected(t, spec.Source)
	untilYes(t, watcher, `SELECT count(*) = 2 FROM small`)
	if got := copied(t, spec); got.Rows() != 20002 {
		t.Errorf("%d rows were copied from the replica", got.Rows())
	}

	shared, to = postgrestest.Database(t)
	spec.Target = shared.AdminURL(to)
	reached, release := halfWay(t, &spec)
	copying := started(t, spec)
	copying.until(t, reached)
	postgrestest.Exec(t, primary, "prod", `DELETE FROM long; DELETE FROM small`)
	stands, looks := "", 0 // where the replay stands with more to do, and how often it was seen there
	postgrestest.Until(t, "the replica's replay meets the copy's view", func() bool {
		postgrestest.Exec(t, primary, "prod", `VACUUM (FREEZE) long`) // which leaves pages alone that somebody looks at
		postgrestest.Exec(t, primary, "prod", `VACUUM (FREEZE) small`)
		now := postgrestest.Answer(t, watcher, `SELECT CASE WHEN pg_last_wal_receive_lsn() > pg_last_wal_replay_lsn() THEN pg_last_wal_replay_lsn()::text END`)
		if looks++; now != stands {
			stands, looks = now, 0
		}
		return stands != "NULL" && looks > 20 || postgrestest.Answer(t, watcher,
			`SELECT count(*)::text FROM pg_stat_activity WHERE application_name LIKE 'understudy copy ________' AND state = 'idle in transaction'`) == "0"
	})
	release()
	_, err := copying.end()
	postgrestest.Refused(t, err, understudy.KindUnavailable, "hot_standby_feedback")
}

func TestCopy_ATableDroppedBeforeItIsLockedIsSaid(t *testing.T) {
	t.Parallel()
	spec, source, _ := pair(t, `CREATE TABLE stays (a text); CREATE TABLE goes (a text)`)
	m, err := postgres.OpenMoment(t.Context(), spec.Source, "understudy test")
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close(t.Context())
	spec.Snapshot = m.Snapshot
	postgrestest.Runs(t, source, `DROP TABLE goes`)
	_, err = logical.Copy(t.Context(), spec)
	postgrestest.Refused(t, err, understudy.KindConflict, "goes", "copy again")
}
