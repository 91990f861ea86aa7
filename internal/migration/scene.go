package migration

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"understudy"
)

// scene is an observation with what is asked of it again and again.
type scene struct {
	understudy.Observation
	budget Budget
	tables map[string]understudy.TableChange
}

func newScene(seen understudy.Observation, budget Budget) scene {
	s := scene{seen, budget.withDefaults(seen), map[string]understudy.TableChange{}}
	for _, t := range seen.Tables {
		s.tables[t.Relation] = merged(s.tables[t.Relation], t)
	}
	return s
}

// merged are two reports of one table as one: a watcher may tell of it in several places.
func merged(a, b understudy.TableChange) understudy.TableChange {
	if a.Relation == "" {
		return b
	}
	columns := append(slices.Clone(a.Columns), b.Columns...)
	if b.Rows > a.Rows {
		a.Rows = b.Rows
	}
	a.Rewritten, a.Columns = a.Rewritten || b.Rewritten, columns
	a.Bytes = max(a.Bytes, b.Bytes)
	return a
}

// inOrder are the tables by their names.
func (s scene) inOrder() []understudy.TableChange {
	var all []understudy.TableChange
	for _, name := range slices.Sorted(maps.Keys(s.tables)) {
		all = append(all, s.tables[name])
	}
	return all
}

// small tells of a table through which a server goes in a moment, of which nobody knows
// that it is larger.
func (s scene) small(relation string) bool {
	t, known := s.tables[relation]
	return known && t.Rows <= s.budget.SmallTable
}

// noticeable is how long something has to last to be more than a fact.
func (s scene) noticeable() time.Duration { return s.budget.BlockedFor / 10 }

// strong are the locks on what was there before that keep writers out, in their order.
func (s scene) strong() []understudy.ObservedLock {
	var strong []understudy.ObservedLock
	for _, l := range s.Locks {
		if !l.New && keepsOut(l.Mode) != "" {
			strong = append(strong, l)
		}
	}
	return strong
}

const (
	exclusive = "AccessExclusiveLock"
	sharing   = "ShareLock"                // an index build
	gentle    = "ShareUpdateExclusiveLock" // rows are looked at, and may be written meanwhile
)

// keepsOut tells whom a lock keeps out; empty: nobody but other migrations.
func keepsOut(mode string) string {
	switch mode {
	case exclusive:
		return "readers and writers"
	case sharing, "ShareRowExclusiveLock", "ExclusiveLock":
		return "writers"
	}
	return ""
}

func isTable(l understudy.ObservedLock) bool {
	return strings.HasSuffix(l.Kind, "table") || l.Kind == "materialized view"
}

// together tells whether two locks were held by one transaction: by one session, and at
// one time.
func together(a, b understudy.ObservedLock) bool {
	return a.Session == b.Session && a.From <= b.From+held(b) && b.From <= a.From+held(a) &&
		(a.From+held(a)-b.From-held(b)).Abs() <= max(held(a), held(b), 5*time.Millisecond)
}

func held(l understudy.ObservedLock) time.Duration { return cmp.Or(l.Held, l.HeldMost) }

// checkedApart tells whether the rows of a table were looked at by a transaction that
// locked nobody out: what needed it afterwards had not to look again.
func (s scene) checkedApart(relation string) bool {
	return slices.ContainsFunc(s.Locks, func(l understudy.ObservedLock) bool {
		return l.Relation == relation && l.Mode == gentle && !slices.ContainsFunc(s.Locks, func(other understudy.ObservedLock) bool {
			return other.Relation == relation && keepsOut(other.Mode) != "" && together(l, other)
		})
	})
}

func list(names []string) string {
	names = slices.Clone(names)
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ", ")
}

func counted(n int64, of string) string {
	if n == 1 {
		return "1 " + of
	}
	return fmt.Sprintf("%s %ss", grouped(n), of)
}

// grouped is a count with its thousands set apart.
func grouped(n int64) string {
	digits := fmt.Sprint(n)
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

// as gives a finding another severity than its entry has.
func as(f understudy.Finding, severity understudy.Severity) understudy.Finding {
	f.Severity = severity
	return f
}

func hurting(f understudy.Finding, hurt float64) understudy.Finding {
	f.Hurt = hurt
	return f
}
