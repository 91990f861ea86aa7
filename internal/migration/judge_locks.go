package migration

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"understudy"
	"understudy/internal/check"
)

// blocked names, table by table, who waited longer than the budget allows.
func (s scene) blocked() []understudy.Finding {
	worst := map[string]understudy.ObservedWait{}
	times := map[string]int{}
	for _, b := range s.Waits {
		times[b.Relation] += b.Times
		if b.For > worst[b.Relation].For {
			worst[b.Relation] = b
		}
	}
	var findings []understudy.Finding
	for relation, b := range worst {
		if b.For <= s.budget.BlockedFor {
			continue
		}
		seen := fmt.Sprintf("%s waited %s for %s on %s behind: %s", b.Who, rounded(b.For), b.Wanted, relation, said(b.By))
		if b.Queued {
			seen += "; the migration itself was waiting for its lock then, and all stood in the queue behind it"
		}
		if times[relation] > 1 {
			seen += fmt.Sprintf("; %d waits in all", times[relation])
		}
		f := check.Find(check.MigrationBlocked, relation, seen, check.Facts{
			"who": s.who(b), "what": s.what(b), "blocked": rounded(b.For), "remedy": s.blockRemedy(b, relation),
		})
		findings = append(findings, hurting(f, b.For.Seconds()))
	}
	return inOrder(findings)
}

// blockRemedy goes by the statement; where that is a short one, by what made it long.
func (s scene) blockRemedy(b understudy.ObservedWait, relation string) string {
	if recipeFor(b.By) != "" {
		return s.remedyFor(b.By, relation)
	}
	for _, l := range s.strong() {
		if _, kept := s.laterStatements(l); l.Relation == relation && kept >= s.noticeable() {
			return s.remedy("lock-kept", s.about(relation))
		}
	}
	if b.Queued {
		return waitRemedy("")
	}
	return s.remedyFor(b.By, relation)
}

func (s scene) who(b understudy.ObservedWait) string {
	if s.everybody(b) {
		return "readers and writers of " + b.Relation
	}
	return "writers of " + b.Relation
}

func (s scene) what(b understudy.ObservedWait) string {
	if s.everybody(b) {
		return "read and write"
	}
	return "write"
}

// everybody tells whether even reading had to wait.
func (s scene) everybody(b understudy.ObservedWait) bool {
	return b.Wanted == "AccessShareLock" || slices.ContainsFunc(s.Locks, func(l understudy.ObservedLock) bool {
		return l.Relation == b.Relation && stopsAll(l) && l.Held >= b.For/2
	})
}

// lockedScans are tables of which every row was looked at under a lock against
// everything, with what the rows were looked at for.
func (s scene) lockedScans() []understudy.Finding {
	var findings []understudy.Finding
	for _, relation := range s.lockedAgainstAll() {
		recipe, why := s.scanned(relation)
		if recipe == "" || s.tables[relation].Rewritten {
			continue
		}
		l := s.longest(relation)
		f := check.Find(check.MigrationLockedScan, relation, fmt.Sprintf("%s; locked for %s on %s by: %s",
			why, lasted(l.Held), s.size(relation), said(l.Statement)), check.Facts{"remedy": s.remedy(recipe, s.about(relation))})
		if s.small(relation) && l.Held < s.noticeable() {
			f = as(f, understudy.SeverityNote)
		}
		findings = append(findings, hurting(f, l.Held.Seconds()))
	}
	return findings
}

// scanned says for what the rows of an exclusively locked table were looked at, and what
// to do instead; empty where they were not.
func (s scene) scanned(relation string) (recipe, why string) {
	built := slices.ContainsFunc(s.Locks, func(l understudy.ObservedLock) bool {
		return l.Relation == relation && l.Mode == sharing && slices.ContainsFunc(s.Locks, func(other understudy.ObservedLock) bool {
			return other.Relation == relation && stopsAll(other) && s.together(l, other)
		})
	})
	for _, c := range s.Constraints {
		if c.Table != relation || !c.New || c.NotValid {
			continue
		}
		switch {
		case built && (c.Kind == "unique" || c.Kind == "primary key" || c.Kind == "exclusion"):
			return strings.ReplaceAll(c.Kind, " ", "-"), "the index of " + c.Name + " is built under it"
		case c.Kind == "check" && s.wasRead(relation, ever):
			return "check", "every row is held against " + c.Name
		}
	}
	t := s.tables[relation]
	for _, c := range t.Columns {
		if c.NotNull && c.Was != "" && s.wasRead(relation, s.lastLocked(relation)) {
			return "not-null", "every row is looked at for a value in " + c.Name
		}
	}
	if t.Attached != "" && s.wasRead(relation, s.lastLocked(relation)) {
		return "attach", "every row is held against the bounds of its partition of " + t.Attached
	}
	return "", ""
}

// wasRead tells whether all rows of a table were read, as far as it is known, and not by
// something that looked at them before a moment without locking others out.
func (s scene) wasRead(relation string, before time.Duration) bool {
	t := s.tables[relation]
	read := t.Read < 0 || t.Read >= max(t.Rows*9/10, 1)
	return read && !s.checkedApart(relation, before)
}

// lastLocked is when a table was locked against everything for the last time.
func (s scene) lastLocked(relation string) (last time.Duration) {
	for _, l := range s.Locks {
		if l.Relation == relation && stopsAll(l) {
			last = max(last, l.From)
		}
	}
	return last
}

// writeLocks are locks that let readers through and keep writers out: one finding for
// each transaction, with all the tables that it locked.
func (s scene) writeLocks() []understudy.Finding {
	var findings []understudy.Finding
	for _, group := range s.transactions() {
		var locks []understudy.ObservedLock
		for _, l := range group {
			if !l.New && !stopsAll(l) && !s.covered(l) {
				locks = append(locks, l)
			}
		}
		if len(locks) > 0 {
			findings = append(findings, s.writeLock(locks))
		}
	}
	return inOrder(alike(findings))
}

// alike puts findings of one subject together: the worst stands for all.
func alike(findings []understudy.Finding) []understudy.Finding {
	worst := map[string]understudy.Finding{}
	for _, f := range findings {
		was, known := worst[f.Subject]
		if pair := []understudy.Finding{was, f}; known {
			understudy.SortFindings(pair)
			f = pair[0]
		}
		worst[f.Subject] = f
	}
	return slices.Collect(maps.Values(worst))
}

// covered tells whether the same transaction locked the same thing against everything.
func (s scene) covered(l understudy.ObservedLock) bool {
	return slices.ContainsFunc(s.Locks, func(other understudy.ObservedLock) bool {
		return other.Relation == l.Relation && stopsAll(other) && s.together(l, other)
	})
}

func (s scene) writeLock(locks []understudy.ObservedLock) understudy.Finding {
	var names, told []string
	longest, grows, large, written := time.Duration(0), false, false, false
	for _, l := range locks {
		names = append(names, l.Relation)
		told = append(told, fmt.Sprintf("%s (%s, %s)", l.Relation, understudy.ModeWords(l.Mode), lasted(l.Held)))
		longest, grows = max(longest, l.Held), grows || s.grows(l)
		large = large || isTable(l) && !s.small(l.Relation)
		written = written || l.Kind != "materialized view" // which nobody writes
	}
	more := ""
	if grows {
		more = "; the time grows with the table"
	}
	f := check.Find(check.MigrationWriteLock, list(names), fmt.Sprintf("%s by: %s", list(told), by(locks)), check.Facts{
		"grows": more, "remedy": s.remedyFor(by(locks), names[0])})
	if !written || longest < s.noticeable() && (!grows || !large) {
		f = as(f, understudy.SeverityNote)
	}
	return hurting(f, longest.Seconds())
}

// grows tells of a lock under which all rows of its table are looked at. A partitioned
// table has none of its own; its partitions are locked beside it.
func (s scene) grows(l understudy.ObservedLock) bool {
	if !isTable(l) || l.Kind == partitioned {
		return false
	}
	return l.Mode == sharing || slices.ContainsFunc(s.Constraints, func(c understudy.ConstraintChange) bool {
		return c.New && !c.NotValid && c.Kind == "foreign key" && (c.Table == l.Relation || c.References == l.Relation) &&
			!s.tables[c.Table].New && s.kind(c.Table) != partitioned && !s.checkedApart(c.Table, ever)
	})
}

const partitioned = "partitioned table"

// kind is what a relation is, where it was locked or changed.
func (s scene) kind(relation string) string {
	for _, l := range s.Locks {
		if l.Relation == relation {
			return l.Kind
		}
	}
	return s.tables[relation].Kind
}

// lockedAgainstAll are the tables from before that even readers had to wait for.
func (s scene) lockedAgainstAll() []string {
	var names []string
	for _, l := range s.Locks {
		if !l.New && isTable(l) && stopsAll(l) {
			names = append(names, l.Relation)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// longest is the lock against everything that was held longest on a relation.
func (s scene) longest(relation string) (longest understudy.ObservedLock) {
	for _, l := range s.Locks {
		if l.Relation == relation && stopsAll(l) && (longest.Relation == "" || l.Held > longest.Held) {
			longest = l
		}
	}
	return longest
}

// size is how large a table is, in words.
func (s scene) size(relation string) string {
	t, known := s.tables[relation]
	if !known {
		return "a table of unknown size"
	}
	return "about " + counted(t.Rows, "row")
}

// exclusives names the tables that were there before and were locked against everything,
// and the indexes that were so on their own: one finding, as the advice is the same for
// all.
func (s scene) exclusives() []understudy.Finding {
	how := map[string]string{}
	longest := time.Duration(0)
	for _, l := range s.Locks {
		if l.New || !stopsAll(l) || !isTable(l) && !s.alone(l) {
			continue
		}
		if how[l.Relation] != "" && l.Held < s.longest(l.Relation).Held {
			continue
		}
		how[l.Relation] = "about " + rounded(l.Held).String()
		if l.Held == 0 {
			how[l.Relation] = "too short to be timed"
		}
		longest = max(longest, l.Held)
	}
	if len(how) == 0 {
		return nil
	}
	names := slices.Sorted(maps.Keys(how))
	said := make([]string, 0, len(names))
	for _, name := range names {
		said = append(said, fmt.Sprintf("%s (%s)", name, how[name]))
	}
	seen := "locked against reads and writes: " + strings.Join(said, ", ")
	if !s.Exact.Exclusive {
		seen = fmt.Sprintf("locked against reads and writes, as looked for every %s: %s", rounded(s.Every), strings.Join(said, ", "))
	}
	f := check.Find(check.MigrationExclusive, strings.Join(names, ", "), seen, check.Facts{"timeout": s.budget.LockTimeout})
	return []understudy.Finding{hurting(f, longest.Seconds())}
}

// alone tells of an index that was locked without its table.
func (s scene) alone(l understudy.ObservedLock) bool {
	return strings.HasSuffix(l.Kind, "index") && !slices.ContainsFunc(s.Locks, func(other understudy.ObservedLock) bool {
		return isTable(other) && stopsAll(other) && (s.together(l, other) || other.Session == l.Session && other.Statement == l.Statement)
	})
}
