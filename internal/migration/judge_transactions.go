package migration

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"understudy"
	"understudy/internal/check"
)

// kept are locks that outlived their statement: other statements of the same transaction
// ran while they were held, or waited for another lock.
func (s scene) kept() []understudy.Finding {
	worst := map[string]understudy.Finding{}
	for _, l := range s.strong() {
		later, kept := s.laterStatements(l)
		if table, waited := s.waitedMeanwhile(l); waited > kept {
			later, kept = []string{"waiting for " + table}, waited
		}
		if !isTable(l) || kept < s.noticeable() || worst[l.Relation].Hurt >= kept.Seconds() {
			continue
		}
		f := check.Find(check.MigrationLockKept, l.Relation, fmt.Sprintf("%s was held for %s in all, %s of them while this went on: %s",
			understudy.ModeWords(l.Mode), rounded(l.Held), rounded(kept), strings.Join(later, "; ")), check.Facts{
			"kept": rounded(kept), "remedy": s.remedy("lock-kept", s.about(l.Relation))})
		worst[l.Relation] = hurting(f, kept.Seconds())
	}
	return inOrder(slices.Collect(maps.Values(worst)))
}

// waitedMeanwhile is the longest wait of a lock's session for another table while the lock
// was held.
func (s scene) waitedMeanwhile(l understudy.ObservedLock) (table string, longest time.Duration) {
	for _, other := range s.Locks {
		if other.Session != l.Session || other.Relation == l.Relation || other.Waited == 0 || other.From > until(l) && !s.together(l, other) {
			continue
		}
		if waited := other.From - max(l.From, other.From-other.Waited); waited > longest {
			table, longest = other.Relation, waited
		}
	}
	return table, longest
}

// laterStatements are those that ran after the one that took a lock, in its transaction,
// and for how long it was held from the first of them on.
func (s scene) laterStatements(l understudy.ObservedLock) (texts []string, kept time.Duration) {
	for _, o := range s.after(l) {
		if len(texts) == 0 {
			kept = until(l) - max(o.From, l.From)
		}
		if len(texts) < 3 {
			texts = append(texts, said(o.Text))
		}
	}
	return texts, kept
}

// after are the statements of a lock's transaction without those up to the one that took
// it. A lock may be seen a little after it was taken; where a statement that needs it for
// long (a rewrite, a scan) could have begun meanwhile, that one counts as having taken it.
func (s scene) after(l understudy.ObservedLock) []understudy.ObservedStatement {
	begun, seen := l.From, l.From-2*s.Every
	if l.HeldMost > 0 {
		begun = until(l) - l.HeldMost
	}
	for _, o := range s.Statements { // the one that it was first seen with belongs to its transaction
		if o.Session == l.Session && o.Text == l.Statement && o.From <= l.From && o.Until >= begun-slack {
			begun = min(begun, o.From)
		}
	}
	if recipe, _ := s.scanned(l.Relation); recipe != "" || s.tables[l.Relation].Rewritten || l.Mode == sharing {
		seen = l.From
	}
	var all []understudy.ObservedStatement
	for _, o := range s.Statements {
		if o.Session == l.Session && o.From >= begun-time.Millisecond && o.From < until(l) && !ends(o.Text) && !begins(o.Text) {
			all = append(all, o)
		}
	}
	taker := 0
	for i, o := range all {
		if o.From <= seen {
			taker = i
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all[taker+1:]
}

// slack is by how much the beginning of a transaction may be told too late: by a look.
const slack = 20 * time.Millisecond

// begins tells of a statement that only begins a transaction.
func begins(statement string) bool {
	first, _, _ := strings.Cut(strings.ToUpper(said(statement)), " ")
	return first == "BEGIN" || first == "START"
}

// said is a statement without its end.
func said(statement string) string { return strings.TrimRight(statement, "; ") }

// ends tells of a statement that only ends a transaction.
func ends(statement string) bool {
	first, _, _ := strings.Cut(strings.ToUpper(said(statement)), " ")
	return first == "COMMIT" || first == "END" || first == "ROLLBACK" || first == "ABORT"
}

// severalTables are transactions that locked tables against everything that have nothing
// to do with each other.
func (s scene) severalTables() []understudy.Finding {
	var findings []understudy.Finding
	for _, group := range s.transactions() {
		var tables []understudy.ObservedLock
		for _, l := range group {
			if isTable(l) && !l.New && stopsAll(l) {
				tables = append(tables, l)
			}
		}
		if len(tables) < 2 || s.oneStatement(group) || len(s.families(tables)) < 2 {
			continue
		}
		f := check.Find(check.MigrationTogether, list(relations(tables)), "against reads and writes each, to the end of one transaction, by: "+by(tables), check.Facts{
			"remedy": s.remedy("lock-kept", s.about(tables[0].Relation))})
		findings = append(findings, hurting(f, tables[0].Held.Seconds()))
	}
	return inOrder(alike(findings))
}

// otherTables are tables from before that were locked together with another: by a foreign
// key, as its partition or its parent.
func (s scene) otherTables() []understudy.Finding {
	var findings []understudy.Finding
	for _, group := range s.transactions() {
		var tables []understudy.ObservedLock
		for _, l := range group {
			if isTable(l) && l.Mode != sharing {
				tables = append(tables, l)
			}
		}
		families := [][]understudy.ObservedLock{tables}
		if !s.oneStatement(group) {
			families = s.families(tables)
		}
		for _, family := range families {
			old := slices.ContainsFunc(family, func(l understudy.ObservedLock) bool { return !l.New })
			if subject := list(relations(family)); old && strings.Contains(subject, ", ") {
				findings = append(findings, s.otherTable(subject, family))
			}
		}
	}
	return inOrder(alike(findings))
}

func (s scene) otherTable(subject string, family []understudy.ObservedLock) understudy.Finding {
	var said []string
	longest := time.Duration(0)
	for _, l := range family {
		said, longest = append(said, l.Relation+" "+understudy.ModeWords(l.Mode)), max(longest, l.Held)
	}
	f := check.Find(check.MigrationOtherTable, subject, fmt.Sprintf("%s, by: %s", list(said), by(family)), check.Facts{
		"remedy": s.remedyFor(by(family), family[0].Relation)})
	return hurting(f, longest.Seconds())
}

func relations(locks []understudy.ObservedLock) []string {
	var names []string
	for _, l := range locks {
		names = append(names, l.Relation)
	}
	return names
}

// families are locks by what binds their tables to each other: a foreign key that came or
// went, or a partitioned table.
func (s scene) families(locks []understudy.ObservedLock) [][]understudy.ObservedLock {
	var families [][]understudy.ObservedLock
	for _, l := range locks {
		mine := []understudy.ObservedLock{l}
		families = slices.DeleteFunc(families, func(family []understudy.ObservedLock) bool {
			bound := slices.ContainsFunc(family, func(other understudy.ObservedLock) bool { return s.bound(l, other) })
			if bound {
				mine = append(mine, family...)
			}
			return bound
		})
		families = append(families, mine)
	}
	return families
}

func (s scene) bound(a, b understudy.ObservedLock) bool {
	if a.Relation == b.Relation || a.PartitionOf == b.Relation || b.PartitionOf == a.Relation || a.PartitionOf != "" && a.PartitionOf == b.PartitionOf {
		return true
	}
	return slices.ContainsFunc(s.Constraints, func(c understudy.ConstraintChange) bool {
		return c.Table == a.Relation && c.References == b.Relation || c.Table == b.Relation && c.References == a.Relation
	})
}

// waited tells for which locks the migration itself had to wait, and behind whom.
func (s scene) waited() []understudy.Finding {
	worst := map[string]understudy.ObservedLock{}
	longest := understudy.ObservedLock{}
	for _, l := range s.Locks {
		if l.Waited < max(s.noticeable(), time.Millisecond) {
			continue
		}
		if l.Relation == "" {
			l.Relation = map[string]string{"transaction": "transactions that were under way", "advisory": "an advisory lock"}[l.Kind]
		}
		if l.Waited > worst[l.Relation].Waited {
			worst[l.Relation] = l
		}
		if l.Waited > longest.Waited {
			longest = l
		}
	}
	if len(worst) == 0 {
		return nil
	}
	var told []string
	for _, l := range worst {
		told = append(told, fmt.Sprintf("%s for %s on %s behind %s", rounded(l.Waited), understudy.ModeWords(l.Mode), l.Relation, cmp.Or(l.Behind, "others")))
	}
	f := check.Find(check.MigrationWaited, list(slices.Collect(maps.Keys(worst))), list(told), check.Facts{"waited": rounded(longest.Waited), "remedy": waitRemedy(longest.Behind)})
	return []understudy.Finding{hurting(f, longest.Waited.Seconds())}
}

// waitRemedy fits who the migration had to wait for.
func waitRemedy(behind string) string {
	said := strings.ToLower(behind)
	switch {
	case strings.Contains(said, "autovacuum"):
		return "let autovacuum end before the migration: an ordinary one gives way, one against wraparound does not; VACUUM (FREEZE) the table some days before"
	case strings.Contains(said, "prepared"):
		return "end prepared transactions before the migration (SELECT gid FROM pg_prepared_xacts; COMMIT PREPARED or ROLLBACK PREPARED each), or whoever coordinates them"
	case strings.Contains(said, "idle"):
		return "a transaction stands open and does nothing: mend the program that leaves it, and set idle_in_transaction_session_timeout for its role"
	}
	return "run it when no long query or dump runs (SELECT pid, xact_start, query FROM pg_stat_activity ORDER BY xact_start), with a short lock_timeout and tries again"
}

// untimed tells of a wait that a lock_timeout would have ended, had it been in force.
func (s scene) untimed() []understudy.Finding {
	if s.budget.LockTimeout <= 0 {
		return nil
	}
	for _, l := range s.Locks {
		if l.Waited > s.budget.LockTimeout+max(s.budget.LockTimeout/4, 100*time.Millisecond) {
			f := check.Find(check.MigrationNoTimeout, "", fmt.Sprintf("%s was waited for during %s, where lock_timeout is %s: %s",
				l.Relation, rounded(l.Waited), s.budget.LockTimeout, l.Statement), nil)
			return []understudy.Finding{hurting(f, l.Waited.Seconds())}
		}
	}
	return nil
}

// deadlocks are those that the server resolved at somebody else's cost.
func (s scene) deadlocks() []understudy.Finding {
	var findings []understudy.Finding
	for _, e := range s.Errors {
		if e.Code == "40P01" || strings.Contains(e.Message, "deadlock detected") {
			f := check.Find(check.MigrationDeadlock, e.Who, fmt.Sprintf("the server ended %s: %s", counted(int64(max(e.Times, 1)), "transaction")+" of "+e.Who, e.Message),
				check.Facts{"who": e.Who})
			findings = append(findings, hurting(f, float64(e.Times)))
		}
	}
	return inOrder(findings)
}

// rolledBack is work of a migration that says it ran through, and that the server threw
// away.
func (s scene) rolledBack() []understudy.Finding {
	var names []string
	for _, l := range s.strong() {
		if l.Aborted && isTable(l) {
			names = append(names, l.Relation)
		}
	}
	for _, t := range s.inOrder() {
		if t.RewrittenInVain {
			names = append(names, t.Relation)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return []understudy.Finding{check.Find(check.MigrationRolledBack, list(names), "the command ended with status 0; a transaction that had locked or rewritten these was rolled back", nil)}
}
