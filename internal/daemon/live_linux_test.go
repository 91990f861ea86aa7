package daemon_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"understudy"
	"understudy/internal/api"
)

// newLiveHouse is a project whose twin is kept current. No daemon runs yet.
func newLiveHouse(t *testing.T) *house {
	t.Helper()
	h := newHouse(t)
	live := strings.Replace(h.yaml(), "max_connections: 60", "max_connections: 60, wal_level: logical", 1)
	h.write(t, "understudy.yaml", strings.Replace(live, "copy: {rate: unlimited}", "copy: {rate: unlimited, follow: true, publish: true}", 1))
	return h
}

const (
	slots = `SELECT count(*)::text FROM pg_replication_slots`
	notes = `SELECT count(*)::text FROM notes WHERE account = `
)

// following is how the twin's one database is kept current.
func (h *house) following(t *testing.T) understudy.Following {
	t.Helper()
	if s := h.snapshot(t); s != nil && len(s.Following) == 1 {
		return s.Following[0]
	}
	return understudy.Following{}
}

func (h *house) untilFollowing(t *testing.T) {
	t.Helper()
	h.until(t, "the twin is kept current", func() bool { return h.following(t).State == understudy.FollowingOn })
}

// sameCopy resets the twin, which must keep its copy.
func (h *house) sameCopy(t *testing.T, taken understudy.Snapshot) understudy.Snapshot {
	t.Helper()
	asked := time.Now()
	again, err := h.reset(t)
	check(t, err)
	if again.ID != taken.ID || again.TakenAt.Before(asked) {
		t.Errorf("at %s snapshot %s as of %s was given, expected %s as of then", asked, again.ID, again.TakenAt, taken.ID)
	}
	return again
}

func TestLive_WhatProductionCommitsIsInTheNextCloneWithoutANewCopy(t *testing.T) {
	t.Parallel()
	h := newLiveHouse(t)
	h.open(t)
	h.up(t)
	h.asAdmin(t, "production", `CREATE ROLE readers; CREATE ROLE clerk LOGIN CREATEDB; GRANT readers TO clerk WITH ADMIN OPTION; GRANT SELECT ON notes TO clerk`)
	taken, err := h.reset(t)
	check(t, err)
	h.untilFollowing(t)
	h.asAdmin(t, "production", `REVOKE readers FROM clerk; ALTER ROLE clerk NOCREATEDB; ALTER ROLE clerk SET work_mem = '9MB'`)
	h.sql(t, `INSERT INTO notes (account, text) SELECT 7, 'secret words' FROM generate_series(1, 40)`, `UPDATE accounts SET email = 'moved@example.org' WHERE id = 7`)
	want := h.answer(t, "production", "main", notes+"7")
	h.sameCopy(t, taken)
	if got := h.answer(t, "staging", "main", notes+"7"); got != want {
		t.Errorf("the clone has %s notes, production %s", got, want)
	}
	if raw := h.answer(t, "staging", "main", `SELECT (SELECT count(*) FROM notes WHERE text = 'secret words') + (SELECT count(*) FROM accounts WHERE email = 'moved@example.org') || ''`); raw != "0" {
		t.Errorf("%s values came as they are in production", raw)
	}
	const clerk = `SELECT concat_ws(' ', rolcreatedb, rolconfig, (SELECT count(*) FROM pg_auth_members WHERE member = r.oid)) FROM pg_roles r WHERE rolname = 'clerk'`
	if got := h.answer(t, "staging", "main", clerk); got != "f {work_mem=9MB} 0" {
		t.Errorf("what production took from a role since its copy, the twin left it: %s", got)
	}

	h.release(t, "plain")
	r := h.passed(t, "plain")
	if r.Snapshot == nil || r.Snapshot.ID != taken.ID {
		t.Errorf("it was rehearsed on %v, expected snapshot %s", r.Snapshot, taken.ID)
	}
	h.untilFollowing(t)

	check(t, h.Down(limited(t), api.Down{Environment: "staging", By: "dev"}, silent))
	if left := h.answer(t, "production", "main", slots); left != "0" {
		t.Errorf("production has %s replication slots after the twin was taken down", left)
	}
	if f := h.following(t); f.State != understudy.FollowingStopped || !strings.Contains(f.Why, "taken down") {
		t.Errorf("the twin that is down is %s: %q", f.State, f.Why)
	}
	_, err = h.Up(limited(t), api.Up{Environment: "staging", By: "dev"}, silent)
	check(t, err)
	if now := h.snapshot(t); now.ID == taken.ID {
		t.Error("a copy that nobody followed was used again")
	}
	h.untilFollowing(t)
}

func TestLive_GoesOnAfterTheDaemonWasKilled(t *testing.T) {
	t.Parallel()
	h := newLiveHouse(t)
	h.start(t)
	h.up(t)
	taken, err := h.reset(t)
	check(t, err)
	h.untilFollowing(t)
	h.kill(t)
	h.start(t)
	h.sql(t, `INSERT INTO notes (account, text) SELECT 7, 'while nobody looked' FROM generate_series(1, 40)`)
	h.untilFollowing(t)
	h.sameCopy(t, taken)
	if got, want := h.answer(t, "staging", "main", notes+"7"), h.answer(t, "production", "main", notes+"7"); got != want {
		t.Errorf("the clone has %s notes, production %s", got, want)
	}
	began := 0
	check(t, h.JournalEntries(limited(t), 1, func(e understudy.Entry) error {
		if e.Act == "twin.followed" {
			began++
		}
		return nil
	}))
	if began != 1 {
		t.Errorf("the journal has %d times that the snapshot is followed", began)
	}

	check(t, h.Down(limited(t), api.Down{Environment: "production", By: "ops"}, silent))
	check(t, h.Down(limited(t), api.Down{Environment: "staging", By: "ops"}, silent)) // production cannot be freed of it now
	_, err = h.Up(limited(t), api.Up{Environment: "production", By: "ops"}, silent)
	check(t, err)
	h.until(t, "production is freed of what followed it", func() bool { return h.answer(t, "production", "main", slots) == "0" })
}

func TestLive_AChangeOfProductionsSchemaEndsItAndTheNextCopyReadsWhatChanged(t *testing.T) {
	t.Parallel()
	h := newLiveHouse(t)
	h.open(t)
	h.up(t)
	taken, err := h.reset(t)
	check(t, err)
	h.untilFollowing(t)
	h.sql(t, `ALTER TABLE notes ADD COLUMN shade text`, `INSERT INTO notes (account, text, shade) VALUES (7, 'x', 'y')`, `UPDATE accounts SET email = 'moved@example.org' WHERE id = 7`)
	h.until(t, "the twin is not followed any longer", func() bool { return h.following(t).State == understudy.FollowingStopped })
	if f := h.following(t); !strings.Contains(f.Why, "production's schema changed") || !strings.Contains(f.Why, "public.notes.shade") {
		t.Errorf("it ended for %q", f.Why)
	}
	if left := h.answer(t, "production", "main", slots); left != "1" {
		t.Errorf("production has %s replication slots while the next copy is awaited", left)
	}
	var said []string
	again, err := h.ResetTwin(limited(t), api.ResetTwin{Environment: "staging", By: "dev"}, func(text string) { said = append(said, text) })
	check(t, err)
	isWhy := func(text string) bool { return strings.Contains(text, "production's schema changed") }
	if again.ID == taken.ID || !slices.ContainsFunc(said, isWhy) {
		t.Errorf("snapshot %s came after %s with %q", again.ID, taken.ID, said)
	}
	for _, table := range again.Databases[0].Tables {
		if table.Earlier == (table.Table == "public.notes") {
			t.Errorf("%s came from the copy before: %v; it said %q", table.Table, table.Earlier, said)
		}
	}
	if got := h.answer(t, "staging", "main", notes+"7"); got != h.answer(t, "production", "main", notes+"7") {
		t.Errorf("the clone has %s notes", got)
	}
	if raw := h.answer(t, "staging", "main", `SELECT count(*) || '' FROM accounts WHERE email = 'moved@example.org'`); raw != "0" {
		t.Error("a value came as it is in production")
	}
	h.untilFollowing(t)
	h.sql(t, `INSERT INTO notes (account, text, shade) VALUES (7, 'z', 'z')`)
	h.sameCopy(t, again)
	if got := h.answer(t, "staging", "main", notes+"7"); got != h.answer(t, "production", "main", notes+"7") {
		t.Errorf("the next clone has %s notes", got)
	}
	h.sql(t, `ALTER TABLE notes DROP COLUMN shade`, `INSERT INTO notes (account, text) VALUES (7, 'x')`)
	h.until(t, "the twin is not followed any longer", func() bool { return h.following(t).State == understudy.FollowingStopped })
	check(t, h.Down(limited(t), api.Down{By: "ops"}, silent))
	_, err = h.Up(limited(t), api.Up{Environment: "production", By: "ops"}, silent)
	check(t, err)
	h.until(t, "production keeps nothing for it", func() bool { return h.answer(t, "production", "main", slots) == "0" })
}

func TestLive_WhatAKilledDaemonLeftOfACopyIsTakenAwayFromProduction(t *testing.T) {
	t.Parallel()
	h := newLiveHouse(t)
	h.start(t)
	h.up(t)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = h.ResetTwin(limited(t), api.ResetTwin{Environment: "staging", By: "dev"}, silent) // it is killed
	}()
	h.until(t, "production has a slot", func() bool { return h.answer(t, "production", "main", slots) != "0" })
	h.kill(t)
	<-ended
	h.start(t)
	h.until(t, "production is free of it", func() bool {
		left := h.answer(t, "production", "main", `SELECT (SELECT count(*) FROM pg_replication_slots) + (SELECT count(*) FROM pg_publication) || ''`)
		return left == "0" || h.following(t).State == understudy.FollowingOn // it was killed too late
	})
}

func TestLive_ADaemonThatIsKilledOverACopyOfWhatChangedMakesItAgain(t *testing.T) {
	t.Parallel()
	h := newLiveHouse(t)
	h.start(t)
	h.up(t)
	taken, err := h.reset(t)
	check(t, err)
	h.untilFollowing(t)
	h.sql(t, `ALTER TABLE notes ADD COLUMN shade text`, `INSERT INTO notes (account, text, shade) VALUES (7, 'x', 'y')`)
	h.until(t, "the twin is not followed any longer", func() bool { return h.following(t).State == understudy.FollowingStopped })
	look, moment := h.session(t, "production", "main"), 0 // the slot is there for as long as little is copied: nobody has to connect meanwhile
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = h.ResetTwin(limited(t), api.ResetTwin{Environment: "staging", By: "dev"}, silent) // it is killed
	}()
	h.until(t, "production has a slot for the moment", func() bool {
		check(t, look.QueryRow(t.Context(), `SELECT count(*) FROM pg_replication_slots WHERE temporary`).Scan(&moment))
		return moment > 0
	})
	h.kill(t)
	<-ended
	h.start(t)
	again, err := h.reset(t)
	check(t, err)
	for _, table := range again.Databases[0].Tables {
		if table.Earlier == (table.Table == "public.notes") {
			t.Errorf("%s came from the copy before: %v", table.Table, table.Earlier)
		}
	}
	if again.ID == taken.ID || h.answer(t, "staging", "main", notes+"7") != h.answer(t, "production", "main", notes+"7") {
		t.Errorf("snapshot %s came after %s, and is not as production", again.ID, taken.ID)
	}
	h.untilFollowing(t)
}
