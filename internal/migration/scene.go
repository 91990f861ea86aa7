package migration

import (
	"fmt"
	"maps"
	"math"
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
		s.tables[t.Relation] = t
	}
	return s
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
		if !l.New && keepsOut(l) != "" {
			strong = append(strong, l)
		}
	}
	return strong
}

const (
	exclusive = "AccessExclusiveLock"
	sharing   = "ShareLock"                // an index build
	gentle    = "ShareUpdateExclusiveLock" // rows are looked at, and may be written meanwhile

	accessShare = "AccessShareLock" // reading
)

// stopsAll tells of a lock that even readers wait for, whatever the engine calls it.
func stopsAll(l understudy.ObservedLock) bool {
	return l.Stops == understudy.StopsAll || l.Stops == "" && l.Mode == exclusive
}

// keepsOut tells whom a lock keeps out; empty: nobody but other migrations.
func keepsOut(l understudy.ObservedLock) string {
	switch {
	case stopsAll(l):
		return "readers and writers"
	case l.Stops == understudy.StopsWrites, l.Stops == "" && slices.Contains([]string{sharing, "ShareRowExclusiveLock", "ExclusiveLock"}, l.Mode):
		return "writers"
	}
	return ""
}

func isTable(l understudy.ObservedLock) bool {
	return strings.HasSuffix(l.Kind, "table") || l.Kind == "materialized view"
}

// together tells whether two locks were held by one transaction. Where it is not known
// which transactions held them, it goes by the time: one session, at one time, and to the
// same end, as a transaction gives back all its locks at once.
func (s scene) together(a, b understudy.ObservedLock) bool {
	if len(a.Transactions) > 0 && len(b.Transactions) > 0 {
		return slices.ContainsFunc(a.Transactions, func(n int) bool { return slices.Contains(b.Transactions, n) })
	}
	return a.Session == b.Session && a.From <= until(b) && b.From <= until(a) && (until(a)-until(b)).Abs() <= max(2*s.Every, 5*time.Millisecond)
}

func until(l understudy.ObservedLock) time.Duration { return l.From + l.Held }

// transactions are the locks that keep others out, of what is there before and of what is
// new, each with those of its transaction.
func (s scene) transactions() [][]understudy.ObservedLock {
	var all [][]understudy.ObservedLock
	for _, l := range s.Locks {
		if keepsOut(l) == "" {
			continue
		}
		i := slices.IndexFunc(all, func(group []understudy.ObservedLock) bool { return s.together(group[0], l) })
		if i < 0 {
			all = append(all, []understudy.ObservedLock{l})
			continue
		}
		all[i] = append(all[i], l)
	}
	return all
}

// oneStatement tells whether a transaction consisted of the statement that its locks are
// known by: nothing else was said at its end.
func (s scene) oneStatement(group []understudy.ObservedLock) bool {
	if ends(group[0].Statement) { // nothing was seen of those that took them
		return false
	}
	end := until(group[0])
	for _, l := range group {
		end = max(end, until(l))
		if l.Statement != group[0].Statement {
			return false
		}
	}
	return !slices.ContainsFunc(s.Statements, func(o understudy.ObservedStatement) bool {
		return o.Session == group[0].Session && ends(o.Text) && o.From <= end+5*time.Millisecond && o.Until >= group[0].From
	})
}

// by are the statements that a transaction is known by.
func by(group []understudy.ObservedLock) string {
	var texts []string
	for _, l := range group {
		if l.Statement != "" && !slices.Contains(texts, l.Statement) {
			texts = append(texts, strings.TrimRight(l.Statement, "; "))
		}
	}
	slices.Sort(texts)
	return strings.Join(slices.Compact(texts), "; ")
}

// checkedApart tells whether the rows of a table were looked at by a transaction that
// locked nobody out and did nothing else, as VALIDATE CONSTRAINT does: before a moment.
func (s scene) checkedApart(relation string, before time.Duration) bool {
	return slices.ContainsFunc(s.Locks, func(l understudy.ObservedLock) bool {
		return l.Relation == relation && l.Mode == gentle && l.From < before && !slices.ContainsFunc(s.Locks, func(other understudy.ObservedLock) bool {
			return s.together(l, other) && (other.Relation == relation && keepsOut(other) != "" || strings.HasSuffix(other.Kind, "index") && other.Mode != accessShare)
		}) && !s.analyzes(l)
	})
}

// analyzes tells of a transaction that reads indexes beside its table and writes nothing,
// and looks at no other table: it gathers statistics.
func (s scene) analyzes(l understudy.ObservedLock) bool {
	indexes, others := false, false
	for _, other := range s.Locks {
		if s.together(l, other) {
			indexes = indexes || strings.HasSuffix(other.Kind, "index")
			others = others || isTable(other) && other.Relation != l.Relation
		}
	}
	return indexes && !others
}

// ever is later than anything that was seen.
const ever = time.Duration(math.MaxInt64)

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
