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

// Budget is what a migration may cost.
type Budget struct {
	BlockedFor  time.Duration // longest that anybody may be blocked
	LockTimeout time.Duration
	Timeout     time.Duration
	// Twin and Production are how big the relations are, by name; Twin before the run. What
	// is not there is not scaled.
	Twin       map[string]Size
	Production map[string]Size
}

// Judge turns a run into findings. It is pure: the same run gives the same findings.
func Judge(ran Ran, budget Budget) []understudy.Finding {
	findings := judgeEnd(ran, budget)
	findings = append(findings, judgeBlocked(ran.Observation, budget)...)
	findings = append(findings, judgeLeft(ran.Observation, budget)...)
	findings = atSize(findings, ran, budget)
	for i := range findings {
		findings[i].Inexact = findings[i].Inexact || sampled(findings[i], ran.Observation.Exact)
	}
	return findings
}

// sampled tells whether a finding rests on something of which more may have happened.
func sampled(f understudy.Finding, exact understudy.Exactness) bool {
	switch f.Code {
	case string(check.MigrationBlocked), string(check.MigrationGrows):
		return !exact.Waits
	case string(check.MigrationExclusive):
		return !exact.Exclusive
	}
	return false
}

func judgeEnd(ran Ran, budget Budget) []understudy.Finding {
	switch {
	case ran.Hung:
		seen := fmt.Sprintf("ended after %s", rounded(ran.Took))
		return []understudy.Finding{check.Find(check.MigrationHung, "", seen, check.Facts{"limit": budget.Timeout})}
	case !ran.OK():
		seen := fmt.Sprintf("exit status %d after %s: %s", ran.Status, rounded(ran.Took), LastLines(ran.Output, 3))
		f := check.Find(check.MigrationFailed, "", seen, check.Facts{
			"left":   left(ran),
			"remedy": failureRemedy(ran.Output),
		})
		return []understudy.Finding{f}
	case ran.Tries > 1:
		seen := fmt.Sprintf("it ran through at try %d: the tries before met a lock timeout (%s) or a deadlock", ran.Tries, budget.LockTimeout)
		return []understudy.Finding{check.Find(check.MigrationLockTimeout, "", seen, nil)}
	}
	return nil
}

// left is where production's schema would be after a failure.
func left(ran Ran) string {
	if ran.Left == "" {
		return "production would be left with whatever steps had been committed by then"
	}
	return "production would be left with the steps that had been committed by then; its status command says " + ran.Left
}

// failureRemedy gives advice that fits the commonest causes, told by the words that
// database servers use for them.
func failureRemedy(output string) string {
	said := strings.ToLower(output)
	for _, known := range []struct{ words, remedy string }{
		{"must be owner of extension", "the application's role does not own the extension: let a superuser run that step before, or hand the extension over; do not test migrations as superuser"},
		{"must be owner of", "the migration's role does not own what it changes: run it as the owner, or hand the object over"},
		{"permission denied", "the migration's role lacks a right that it has only elsewhere: grant it in production, or run the migration as the role that has it"},
		{"not-null constraint", "there are rows without a value: fill them first, in batches"},
		{"contains null values", "there are rows without a value: fill them first, in batches"},
		{"could not create unique index", "there are rows that are equal in what is to be unique: find and merge them first"},
		{"violates foreign key", "there are rows that point at nothing: find and mend them first"},
		{"violates check", "there are rows that break the rule: mend them first"},
		{"lock timeout", "its lock was not to be had in time under this traffic: make the statement smaller, or do it in a quiet hour"},
		{"deadlock detected", "it takes locks in another order than the application does: one table in one transaction"},
	} {
		if strings.Contains(said, known.words) {
			return known.remedy
		}
	}
	return "read its output in the evidence, and run it again on a fresh twin"
}

func judgeBlocked(seen understudy.Observation, budget Budget) []understudy.Finding {
	worst := map[string]understudy.ObservedWait{}
	for _, b := range seen.Waits {
		if b.For > worst[b.Relation].For {
			worst[b.Relation] = b
		}
	}
	var findings []understudy.Finding
	for relation, b := range worst {
		if b.For <= budget.BlockedFor {
			continue
		}
		f := check.Find(check.MigrationBlocked, relation, fmt.Sprintf("%s waited %s for %s on %s behind: %s",
			b.Who, rounded(b.For), b.Wanted, relation, b.By), check.Facts{
			"who": who(b, seen), "what": what(b, seen), "blocked": rounded(b.For), "remedy": blockRemedy(b),
		})
		f.Hurt = b.For.Seconds()
		findings = append(findings, f)
	}
	slices.SortFunc(findings, func(a, b understudy.Finding) int { return strings.Compare(a.Subject, b.Subject) })
	return findings
}

func who(b understudy.ObservedWait, seen understudy.Observation) string {
	if everybody(b, seen) {
		return "readers and writers of " + b.Relation
	}
	return "writers of " + b.Relation
}

func what(b understudy.ObservedWait, seen understudy.Observation) string {
	if everybody(b, seen) {
		return "read and write"
	}
	return "write"
}

// everybody tells whether even reading had to wait.
func everybody(b understudy.ObservedWait, seen understudy.Observation) bool {
	return b.Wanted == "AccessShareLock" || slices.ContainsFunc(seen.Locks, func(l understudy.ObservedLock) bool {
		return l.Relation == b.Relation && l.Mode == "AccessExclusiveLock" && l.Held >= b.For/2
	})
}

func blockRemedy(b understudy.ObservedWait) string {
	statement := strings.ToUpper(strings.Join(strings.Fields(b.By), " "))
	switch {
	case strings.HasPrefix(statement, "CREATE INDEX") || strings.HasPrefix(statement, "CREATE UNIQUE INDEX"):
		return "build the index with CREATE INDEX CONCURRENTLY, outside a transaction"
	case strings.Contains(statement, " TYPE "):
		return "add a column of the new type, let both be written, fill it in batches, then switch over; do not change the type in place"
	case strings.Contains(statement, "SET NOT NULL"):
		return "add CHECK (… IS NOT NULL) NOT VALID, VALIDATE it in a transaction of its own, then SET NOT NULL"
	case strings.Contains(statement, "ADD CONSTRAINT") || strings.Contains(statement, "FOREIGN KEY") || strings.Contains(statement, "REFERENCES"):
		return "add the constraint NOT VALID, and VALIDATE it in a transaction of its own"
	case strings.HasPrefix(statement, "UPDATE") || strings.HasPrefix(statement, "DELETE"):
		return "change the rows in batches of some thousands, each in a transaction of its own"
	}
	return "keep the transaction that takes this lock short: one table, no filling of rows, nothing after it"
}

func judgeLeft(seen understudy.Observation, budget Budget) []understudy.Finding {
	var findings []understudy.Finding
	for _, t := range seen.Tables {
		if !t.Rewritten {
			continue
		}
		f := check.Find(check.MigrationRewrote, t.Relation, fmt.Sprintf("about %d rows, %s copied", t.Rows, bytes(t.Bytes)), nil)
		f.Hurt = float64(t.Bytes)
		findings = append(findings, f)
	}
	for _, i := range seen.Indexes {
		if i.Invalid && !i.WasInvalid {
			findings = append(findings, check.Find(check.MigrationInvalidIndex, i.Name, "indisvalid is false after the migration", nil))
		}
	}
	if lost := lostStatistics(seen); len(lost) > 0 {
		findings = append(findings, check.Find(check.MigrationStatistics, strings.Join(lost, ", "), "the server knew their distribution before, and does not after", nil))
	}
	return append(findings, judgeExclusive(seen, budget)...)
}

func lostStatistics(seen understudy.Observation) []string {
	var lost []string
	for _, t := range seen.Tables {
		for _, c := range t.Columns {
			if c.LostStatistics {
				lost = append(lost, t.Relation+"."+c.Name)
			}
		}
	}
	return lost
}

// judgeExclusive names the tables that were there before and were locked against
// everything: one finding, as the advice is the same for all.
func judgeExclusive(seen understudy.Observation, budget Budget) []understudy.Finding {
	held := map[string]string{}
	longest := time.Duration(0)
	for _, l := range seen.Locks {
		if l.New || !strings.HasSuffix(l.Kind, "table") || l.Mode != "AccessExclusiveLock" {
			continue
		}
		held[l.Relation] = "about " + rounded(l.Held).String()
		if l.Held == 0 {
			held[l.Relation] = "too short to be sampled"
		}
		longest = max(longest, l.Held)
	}
	if len(held) == 0 {
		return nil
	}
	names := slices.Sorted(maps.Keys(held))
	said := make([]string, 0, len(names))
	for _, name := range names {
		said = append(said, fmt.Sprintf("%s (%s)", name, held[name]))
	}
	f := check.Find(check.MigrationExclusive, strings.Join(names, ", "), fmt.Sprintf("ACCESS EXCLUSIVE, as looked for every %s: %s",
		rounded(seen.Every), strings.Join(said, ", ")), check.Facts{"timeout": budget.LockTimeout})
	f.Hurt = longest.Seconds()
	return []understudy.Finding{f}
}

// LastLines is the end of a program's output, on one line.
func LastLines(output string, n int) string {
	lines := strings.Split(strings.TrimSpace(output), "\n")
	if len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	return strings.Join(lines, " / ")
}

func rounded(d time.Duration) time.Duration {
	if d > time.Second {
		return d.Round(100 * time.Millisecond)
	}
	return d.Round(time.Millisecond)
}

func bytes(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.0f MB", float64(n)/(1<<20))
	default:
		return fmt.Sprintf("%d kB", n>>10)
	}
}
