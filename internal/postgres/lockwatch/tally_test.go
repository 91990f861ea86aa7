package lockwatch

import (
	"strings"
	"testing"
	"time"

	"understudy"
)

// look builds a sight of a migration (process 1) that holds a table, and of others that wait.
func look(ms int, waiters ...session) sight {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	now := start.Add(time.Duration(ms) * time.Millisecond)
	seen := sight{from: now, at: now, sessions: map[int32]session{
		1: {pid: 1, leader: 1, migration: true, statement: "ALTER TABLE t"}}}
	seen.locks = []lockSight{{pid: 1, kind: "relation", relation: 20000, mode: "AccessExclusiveLock", granted: true, transaction: "3/7"}}
	for _, s := range waiters {
		if len(s.blockers) > 0 {
			seen.sessions[s.pid] = s
		}
		seen.locks = append(seen.locks, lockSight{pid: s.pid, kind: "relation", relation: 20000, mode: "AccessShareLock", since: start})
	}
	return seen
}

func told(sights ...sight) understudy.Observation {
	t := newTally(0, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), false)
	for _, s := range sights {
		t.add(s)
	}
	t.closeAll()
	var seen understudy.Observation
	of := names{before: catalog{relations: map[uint32]relation{20000: {schema: "public", name: "t", kind: "r"}}}}
	t.reportLocks(&seen, of)
	(&logged{}).report(&seen, t, of)
	return seen
}

func TestTally_AWaitThatWakesForAMomentIsOneWait(t *testing.T) {
	asleep := session{pid: 2, role: "shop", blockers: []int32{1}}
	awake := session{pid: 2, role: "shop"}
	seen := told(look(0, asleep), look(10, awake), look(20, asleep), look(30))
	if len(seen.Waits) != 1 || seen.Waits[0].Times != 1 || seen.Waits[0].Total != 20*time.Millisecond {
		t.Fatalf("blocked: %+v", seen.Waits)
	}
	if len(seen.Locks) != 1 || seen.Locks[0].Held != 30*time.Millisecond || seen.Locks[0].Times != 1 {
		t.Fatalf("locks: %+v", seen.Locks)
	}
}

func TestTally_WhoWaitsForOneWhoWaitsIsBlockedToo(t *testing.T) {
	seen := told(look(0,
		session{pid: 2, role: "a", blockers: []int32{1}},
		session{pid: 3, role: "b", blockers: []int32{2}},
		session{pid: 4, role: "c", blockers: []int32{5}},
		session{pid: 5, role: "d", blockers: []int32{4}})) // a circle that the migration has no part in
	roles := map[string]bool{}
	for _, b := range seen.Waits {
		roles[strings.TrimSpace(b.Who)] = true
	}
	if len(roles) != 2 || !roles["a"] || !roles["b"] {
		t.Fatalf("blocked: %+v", seen.Waits)
	}
}

func TestRest_TakesATenthOfTheTimeWhereCommitsAreHeld(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		gate       bool
		took, want time.Duration
	}{
		{false, 2 * ms, 8 * ms},
		{false, 30 * ms, 0},
		{true, ms / 2, 9500 * time.Microsecond}, // a server with time to spare
		{true, 3 * ms, 27 * ms},
		{true, 30 * ms, 50 * ms},
	} {
		if got := rest(Spec{Every: 10 * ms, Gate: c.gate}, c.took); got != c.want {
			t.Errorf("gate %t: after a look of %s it rests for %s, not %s", c.gate, c.took, got, c.want)
		}
	}
}
