package migration

import (
	"fmt"
	"time"

	"understudy"
	"understudy/internal/check"
)

// Rate is how many requests come, and where that was counted.
type Rate struct {
	PerSecond float64
	Of        string // "the declared traffic", "production, by its router over the last 2m"
}

// requests is how many requests come in a time, in words; nothing where nobody counted.
func (r Rate) requests(in time.Duration) string {
	if r.PerSecond == 0 {
		return ""
	}
	return fmt.Sprintf("; at the rate of %s, %.3g requests a second, up to %.0f of them come in that time", r.Of, r.PerSecond, r.PerSecond*in.Seconds())
}

// honoured tells whether the migration's sessions kept to the lock timeout that was handed
// over; told: the long transaction was there for long enough to see it.
func (q Queued) honoured() (kept, told bool) {
	limit := q.LockTimeout + q.LockTimeout/2 + 250*time.Millisecond
	switch {
	case q.LockTimeout == 0:
		return false, true
	case q.Waited > limit:
		return false, true
	}
	return q.Stayed > limit, q.Stayed > limit
}

// worst is the target that stood still for longest.
func (q Queued) worst() Stood {
	var worst Stood
	for _, s := range q.Stood {
		if s.Longest >= worst.Longest {
			worst = s
		}
	}
	return worst
}

func judgeQueued(q Queued, budget Budget, rate Rate) Tried {
	worst := q.worst()
	tried := Tried{Seen: q, Figures: []understudy.Figure{{
		Name: "stood still behind the waiting lock", Value: worst.Longest.Seconds(), Unit: "s",
		Basis: fmt.Sprintf("on a copy without traffic, behind a transaction that stayed for %s", rounded(q.Stayed)),
	}}}
	if q.Stayed == 0 {
		tried.Summary = "behind a long transaction on its tables it did not have to wait"
	} else {
		tried.Summary = fmt.Sprintf("behind a long transaction requests stood still for %s at most", rounded(worst.Longest))
	}
	_, told := q.honoured()
	ignored := told && !q.inForce() && q.LockTimeout > 0
	if worst.Longest > budget.BlockedFor || ignored || !q.OK {
		tried.Findings = append(tried.Findings, findQueued(q, worst, budget, rate))
	}
	return tried
}

// inForce tells whether a lock timeout bounded the waiting, as far as could be told.
func (q Queued) inForce() bool {
	kept, told := q.honoured()
	return kept || !told
}

func findQueued(q Queued, worst Stood, budget Budget, rate Rate) understudy.Finding {
	who := "readers and writers"
	if worst.Writes {
		who = "writers"
	}
	seen := fmt.Sprintf("a transaction was left open on what the migration locks, for %s from the moment it was waited for; %d of %d simple requests to %s stood still, the longest for %s. The migration %s",
		rounded(q.Stayed), worst.Late, worst.Asked, worst.subject(), rounded(worst.Longest), q.End)
	bound := fmt.Sprintf("the lock_timeout of %s ends each wait; without one it would be the whole %s, and as long as the longest transaction in production", q.LockTimeout, rounded(q.Stayed))
	remedy := fmt.Sprintf("a lower policy.lock_timeout than %s with more policy.retries: nobody waits for longer than that", q.LockTimeout)
	if !q.inForce() {
		bound = fmt.Sprintf("no lock_timeout below %s bounds it: without one it lasts as long as the longest transaction in production", rounded(q.Stayed))
		remedy = "SET lock_timeout before each statement that locks, and try again; a command that is declared (migration: up:) is handed one, and is tried again"
		if q.LockTimeout > 0 {
			remedy = "let the migration keep the lock_timeout of its connection's options, or SET lock_timeout itself before each statement that locks"
			seen += fmt.Sprintf("; it waited for %s without a break, so it did not keep to the lock_timeout of %s that it was handed", rounded(q.Waited), q.LockTimeout)
		}
	}
	if !q.OK && !q.GaveUp {
		remedy = "let a try that could not get its lock leave nothing behind that stops the next one"
	}
	f := check.Find(check.MigrationQueue, worst.subject(), seen, check.Facts{
		"who": who, "longest": rounded(worst.Longest), "bound": bound + rate.requests(worst.Longest), "remedy": remedy,
	})
	f.Hurt = worst.Longest.Seconds()
	if blocks := !q.inForce() && worst.Longest > budget.BlockedFor || !q.OK && !q.GaveUp; !blocks {
		f.Severity = understudy.SeverityWarning
	}
	return f
}
