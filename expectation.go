package understudy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Expectation is what a rehearsal saw of a migration, for the promotion to hold production
// against: which strong locks it takes, and how long it is expected to take there.
type Expectation struct {
	Locks []ExpectedLock `json:"locks,omitempty"`
	// Elsewhere names the further databases that Locks are of as well. Of others nothing is known.
	Elsewhere []string `json:"elsewhere,omitempty"`
	// Exact says of which locks none is missing: what was only sampled may have had more.
	Exact Exactness `json:"exact"`
	// Runs is how long each whole run of the command took on the twin, the one under
	// traffic first.
	Runs []time.Duration `json:"runs"`
	// Low and High are between what it is expected to take with production's sizes.
	Low   time.Duration `json:"low"`
	High  time.Duration `json:"high"`
	Basis string        `json:"basis,omitempty"` // of the two
	Tries int           `json:"tries,omitempty"` // that a run needed, the most of all
}

// ExpectedLock is the strongest lock that a migration was seen to take on one relation.
type ExpectedLock struct {
	Relation string `json:"relation"` // of a further database with its name: "archive/public.orders"
	Kind     string `json:"kind,omitempty"`
	Mode     string `json:"mode"`
	New      bool   `json:"new,omitempty"` // the migration makes it: it is there when an interrupted one goes on
}

// LockStrength orders the modes of PostgreSQL's table locks, the weakest first; -1 is another.
func LockStrength(mode string) int {
	return slices.Index([]string{"AccessShareLock", "RowShareLock", "RowExclusiveLock", "ShareUpdateExclusiveLock",
		"ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock"}, mode)
}

// StrongLock tells a lock that keeps others from writing: SHARE and above.
func StrongLock(mode string) bool { return LockStrength(mode) >= LockStrength("ShareLock") }

// ExpectedOf is what a run of which this was seen lets expect. The caller adds how long.
func ExpectedOf(seen Observation) Expectation {
	whole := seen.Whole()
	e := Expectation{Exact: whole.Exact}
	for _, there := range seen.Elsewhere {
		e.Elsewhere = append(e.Elsewhere, there.Database)
	}
	for _, l := range whole.Locks {
		if StrongLock(l.Mode) {
			e.Locks = append(e.Locks, ExpectedLock{Relation: l.Relation, Kind: l.Kind, Mode: l.Mode, New: l.New})
		}
	}
	e.Locks = strongest(e.Locks)
	return e
}

// strongest keeps the strongest lock of each relation, by name.
func strongest(locks []ExpectedLock) []ExpectedLock {
	slices.SortFunc(locks, func(a, b ExpectedLock) int {
		return cmp.Or(cmp.Compare(a.Relation, b.Relation), cmp.Compare(LockStrength(b.Mode), LockStrength(a.Mode)))
	})
	return slices.CompactFunc(locks, func(a, b ExpectedLock) bool { return a.Relation == b.Relation })
}

// Join is what both runs let expect: the locks of either, and the range that holds both.
// Nothing is missing only where nothing is missing of either.
func (e Expectation) Join(other Expectation) Expectation {
	if len(e.Runs) == 0 {
		return other
	}
	if len(other.Runs) == 0 {
		return e
	}
	out := Expectation{
		Locks: strongest(slices.Concat(e.Locks, other.Locks)), Runs: slices.Concat(e.Runs, other.Runs),
		Exact:     Exactness{Locks: e.Exact.Locks && other.Exact.Locks, Exclusive: e.Exact.Exclusive && other.Exact.Exclusive},
		Elsewhere: slices.DeleteFunc(slices.Clone(e.Elsewhere), func(name string) bool { return !other.Covers(name) }),
		Low:       min(e.Low, other.Low), High: max(e.High, other.High), Basis: cmp.Or(e.Basis, other.Basis), Tries: max(e.Tries, other.Tries),
	}
	return out
}

// Covers tells whether it is known which locks are taken in a database; the first is empty.
func (e Expectation) Covers(database string) bool {
	return database == "" || slices.Contains(e.Elsewhere, database)
}

// Complete tells whether a lock of this mode that is not among Locks was not taken in the
// rehearsal. Of modes that were only sampled nobody knows.
func (e Expectation) Complete(mode string) bool {
	return e.Exact.Locks || e.Exact.Exclusive && mode == "AccessExclusiveLock"
}

// Allows tells whether the rehearsal saw a lock as strong as this one on the relation, or on
// what it is a part of: the table of a partition or of an index.
func (e Expectation) Allows(relation, of, mode string) bool {
	return slices.ContainsFunc(e.Locks, func(l ExpectedLock) bool {
		return (l.Relation == relation || of != "" && l.Relation == of) && LockStrength(l.Mode) >= LockStrength(mode)
	})
}

// Limit is the longest that the migration may run in production before it is a surprise:
// twice what is expected at most, and never less than ten seconds more than that, as another
// machine, a cold cache and a wait for a lock are no surprise.
func (e Expectation) Limit() time.Duration { return max(2*e.High, e.High+10*time.Second) }

// Range says between what it is expected to take: "0.3–0.6 s by 2 runs".
func (e Expectation) Range() string {
	by := fmt.Sprintf("by %d runs", len(e.Runs))
	if len(e.Runs) == 1 {
		by = "by the only run"
	}
	return Span(e.Low, e.High) + " " + by
}

// Span writes a range of time: "0.3–0.6 s", "12–15 min"; one time where both are the same.
func Span(low, high time.Duration) string {
	unit, per := "s", time.Second
	switch {
	case high >= 2*time.Hour:
		unit, per = "h", time.Hour
	case high >= 2*time.Minute:
		unit, per = "min", time.Minute
	case high < 100*time.Millisecond:
		unit, per = "ms", time.Millisecond
	}
	figure := func(d time.Duration) string {
		v := float64(d) / float64(per)
		if v >= 10 {
			return fmt.Sprintf("%.0f", v)
		}
		return strings.TrimSuffix(fmt.Sprintf("%.1f", v), ".0")
	}
	if a, b := figure(low), figure(high); a != b {
		return a + "–" + b + " " + unit
	}
	return figure(high) + " " + unit
}

// ModeWords is a lock mode as SQL writes it: "ACCESS EXCLUSIVE" for "AccessExclusiveLock".
func ModeWords(mode string) string {
	name, ours := strings.CutSuffix(mode, "Lock")
	if !ours { // another engine's own word
		return mode
	}
	var out strings.Builder
	for i, r := range name {
		if i > 0 && 'A' <= r && r <= 'Z' {
			out.WriteByte(' ')
		}
		out.WriteRune(r)
	}
	return strings.ToUpper(out.String())
}

// Locked lists the locks on what was there before: "public.notes (ACCESS EXCLUSIVE)".
func (e Expectation) Locked() []string {
	var out []string
	for _, l := range e.Locks {
		if !l.New && l.Kind != "index" {
			out = append(out, l.Relation+" ("+ModeWords(l.Mode)+")")
		}
	}
	return out
}
