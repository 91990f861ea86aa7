package lockwatch

import (
	"time"

	"understudy"
)

// waitKey is one wait of one session.
type waitKey struct {
	pid   int32
	since time.Time
}

// wait is what was sampled of somebody who waited for the migration.
type wait struct {
	by        int32 // the migration's session
	queued    bool  // behind a lock that it was waiting for itself
	relation  uint32
	mode      string
	who       string
	statement string
	ofBy      string
	last      time.Time
}

type sampledWait struct {
	waitKey
	wait
	logged bool // the server's log tells of it too
}

// sampledOf finds what was sampled of a wait that the log tells of.
func (t *tally) sampledOf(w *loggedWait) *sampledWait {
	var found *sampledWait
	for _, s := range t.waits {
		if s.pid == w.pid && !s.since.After(w.until) && !s.last.Before(w.since) {
			s.logged, found = true, s
		}
	}
	return found
}

// carryOn keeps a wait open whose session is just awake to look for deadlocks: it wants
// the same lock since the same moment, though it does not sleep for it now.
func (t *tally) carryOn(seen sight) {
	for key, w := range t.blocked {
		if since := seen.wanted(key.pid).since; !since.IsZero() && since.Equal(key.since) {
			w.last = seen.at
			t.blocked[key] = w
		}
	}
}

func (t *tally) addWait(seen sight, pid int32, s session) {
	by, behind := seen.behind(pid)
	if !behind {
		return
	}
	wanted := seen.wanted(pid)
	key := waitKey{pid, wanted.since}
	if wanted.since.IsZero() { // the server does not say since when: as long as it is the same session that waits
		for known := range t.blocked {
			if known.pid == pid {
				key = known
			}
		}
		if key.since.IsZero() {
			key.since = seen.at
		}
	}
	w, known := t.blocked[key]
	if !known {
		w = wait{by: by, who: s.name(), relation: wanted.relation, mode: wanted.mode,
			statement: withoutLiterals(s.statement), ofBy: withoutLiterals(t.saying(seen.sessions[by]))}
	}
	w.queued = w.queued || seen.onlyWants(by, wanted)
	w.last = seen.at
	t.blocked[key] = w
}

// onlyWants tells whether a session of the migration waits itself for the relation that is
// wanted, and does not hold it.
func (s sight) onlyWants(by int32, wanted lockSight) bool {
	wants := false
	for _, l := range s.locks {
		if s.sessions[l.pid].leader != s.sessions[by].leader || l.kind != "relation" || l.relation != wanted.relation {
			continue
		}
		if l.granted && conflict(l.mode, wanted.mode) {
			return false
		}
		wants = wants || !l.granted
	}
	return wants
}

// behind finds a session of the migration that pid waits for: directly, or in the queue
// of somebody who waits for it.
func (s sight) behind(pid int32) (by int32, behind bool) {
	reached := map[int32]bool{pid: true}
	for line := s.sessions[pid].blockers; len(line) > 0; line = line[1:] {
		next := line[0]
		if reached[next] {
			continue
		}
		reached[next] = true
		if s.sessions[next].migration {
			return next, true
		}
		line = append(line, s.sessions[next].blockers...)
	}
	return 0, false
}

// wanted is the lock that a session waits for. Who waits for a row waits for the
// transaction that changed it; the place in the row's queue tells the table.
func (s sight) wanted(pid int32) lockSight {
	var found lockSight
	for _, l := range s.locks {
		if l.pid != pid {
			continue
		}
		switch {
		case !l.granted && l.kind == "relation":
			return l
		case !l.granted && (l.kind == "transactionid" || l.kind == "tuple"):
			found.mode, found.since = rowMode, l.since
			found.relation = max(found.relation, l.relation)
		case !l.granted:
			found.mode, found.since, found.relation = l.mode, l.since, l.relation
		case l.kind == "tuple":
			found.relation = l.relation
		}
	}
	return found
}

// rowMode is what somebody wants who waits for a row.
const rowMode = "row"

// conflict tells whether one lock keeps another out, as the server's manual has it.
func conflict(a, b string) bool {
	keepsOut := map[string]string{ // the weakest that each keeps out, and the exceptions below
		"AccessShareLock": exclusiveMode, "RowShareLock": "ExclusiveLock", "RowExclusiveLock": "ShareLock",
		"ShareUpdateExclusiveLock": "ShareUpdateExclusiveLock", "ShareLock": "RowExclusiveLock",
		"ShareRowExclusiveLock": "RowExclusiveLock", "ExclusiveLock": "RowShareLock", exclusiveMode: "AccessShareLock",
	}
	if a == "ShareLock" && b == "ShareLock" {
		return false
	}
	return understudy.LockStrength(a) >= 0 && understudy.LockStrength(b) >= understudy.LockStrength(keepsOut[a])
}
