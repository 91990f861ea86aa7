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

// kept are locks that outlived their statement: other statements of the same transaction
// ran, or waited, while they were held.
func (s scene) kept() []understudy.Finding {
	worst := map[string]understudy.Finding{}
	for _, l := range s.strong() {
		later, since := s.laterStatements(l)
		kept := l.From + l.Held - since
		if !isTable(l) || len(later) == 0 || kept < s.noticeable() || worst[l.Relation].Hurt >= kept.Seconds() {
			continue
		}
		f := check.Find(check.MigrationLockKept, l.Relation, fmt.Sprintf("%s was held for %s in all, %s of them while these ran: %s",
			words(l.Mode), rounded(l.Held), rounded(kept), strings.Join(later, "; ")), check.Facts{
			"kept": rounded(kept), "remedy": s.remedy("lock-kept", s.about(l.Relation))})
		worst[l.Relation] = hurting(f, kept.Seconds())
	}
	return inOrder(slices.Collect(maps.Values(worst)))
}

// laterStatements are those that the session of a lock began while it was held, and when
// the first of them began.
func (s scene) laterStatements(l understudy.ObservedLock) (texts []string, since time.Duration) {
	for _, o := range s.Statements {
		if o.Session != l.Session || o.From <= l.From || o.From >= l.From+l.Held || ends(o.Text) {
			continue
		}
		if len(texts) == 0 {
			since = o.From
		}
		if len(texts) < 3 {
			texts = append(texts, o.Text)
		}
	}
	return texts, since
}

// ends tells of a statement that only ends a transaction.
func ends(statement string) bool {
	first, _, _ := strings.Cut(strings.ToUpper(strings.TrimRight(statement, "; ")), " ")
	return first == "COMMIT" || first == "END" || first == "ROLLBACK" || first == "ABORT"
}

// severalTables are transactions that locked more than one table against everything, by
// more than one statement.
func (s scene) severalTables() []understudy.Finding {
	found := map[string]understudy.Finding{}
	for _, first := range s.strong() {
		names, by := []string{first.Relation}, []string{first.Statement}
		for _, l := range s.strong() {
			if l.Mode == exclusive && isTable(l) && l.Relation != first.Relation && l.Statement != first.Statement && together(first, l) {
				names, by = append(names, l.Relation), append(by, l.Statement)
			}
		}
		if first.Mode != exclusive || !isTable(first) || len(names) < 2 || held(first) == 0 {
			continue
		}
		subject := list(names)
		f := check.Find(check.MigrationTogether, subject, "locked in one transaction, by: "+strings.Join(slices.Compact(by), "; "), check.Facts{
			"remedy": s.remedy("lock-kept", s.about(first.Relation))})
		found[subject] = hurting(f, first.Held.Seconds())
	}
	return inOrder(widest(slices.Collect(maps.Values(found))))
}

// widest leaves out a finding of which another names all subjects, and more.
func widest(findings []understudy.Finding) []understudy.Finding {
	within := func(a, b understudy.Finding) bool {
		names := strings.Split(b.Subject, ", ")
		return len(b.Subject) > len(a.Subject) && !slices.ContainsFunc(strings.Split(a.Subject, ", "), func(name string) bool {
			return !slices.Contains(names, name)
		})
	}
	return slices.DeleteFunc(slices.Clone(findings), func(a understudy.Finding) bool {
		return slices.ContainsFunc(findings, func(b understudy.Finding) bool { return within(a, b) })
	})
}

// otherTables are statements that locked a table from before together with another: by a
// foreign key, as its partition or its parent.
func (s scene) otherTables() []understudy.Finding {
	by := map[string][]understudy.ObservedLock{}
	for _, l := range s.Locks {
		if isTable(l) && keepsOut(l.Mode) != "" && l.Mode != sharing {
			by[l.Statement] = append(by[l.Statement], l)
		}
	}
	var findings []understudy.Finding
	for _, statement := range slices.Sorted(maps.Keys(by)) {
		var names, said []string
		old, longest := false, time.Duration(0)
		for _, l := range by[statement] {
			names, old = append(names, l.Relation), old || !l.New
			said = append(said, fmt.Sprintf("%s %s", l.Relation, words(l.Mode)))
			longest = max(longest, l.Held)
		}
		subject := list(names)
		if statement == "" || !old || !strings.Contains(subject, ", ") {
			continue
		}
		f := check.Find(check.MigrationOtherTable, subject, fmt.Sprintf("%s, by: %s", list(said), statement), check.Facts{
			"remedy": s.remedyFor(statement, names[0])})
		findings = append(findings, hurting(f, longest.Seconds()))
	}
	return findings
}

// waited tells for which locks the migration itself had to wait, and behind whom.
func (s scene) waited() []understudy.Finding {
	var names, said []string
	longest, behind := time.Duration(0), ""
	for _, l := range s.Locks {
		if l.Waited < max(s.noticeable(), time.Millisecond) {
			continue
		}
		names = append(names, l.Relation)
		who := l.Behind
		if who == "" {
			who = "others"
		}
		said = append(said, fmt.Sprintf("%s for %s on %s behind %s", rounded(l.Waited), words(l.Mode), l.Relation, who))
		if l.Waited > longest {
			longest, behind = l.Waited, who
		}
	}
	if len(names) == 0 {
		return nil
	}
	f := check.Find(check.MigrationWaited, list(names), list(said), check.Facts{"waited": rounded(longest), "remedy": waitRemedy(behind)})
	return []understudy.Finding{hurting(f, longest.Seconds())}
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
