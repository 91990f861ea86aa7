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
}

// Judge turns a run into findings. It is pure: the same run gives the same findings.
func Judge(ran Ran, budget Budget) []understudy.Finding {
	findings := judgeEnd(ran, budget)
	findings = append(findings, judgeBlocked(ran.Observation, budget)...)
	findings = append(findings, judgeLeft(ran.Observation, budget)...)
	for i := range findings {
		findings[i].Inexact = findings[i].Inexact || !ran.Observation.Exact && sampled(findings[i])
	}
	return findings
}

func sampled(f understudy.Finding) bool {
	return f.Code == string(check.MigrationBlocked) || f.Code == string(check.MigrationExclusive)
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

func judgeBlocked(seen Observation, budget Budget) []understudy.Finding {
	worst := map[string]Blocked{}
	for _, b := range seen.Blocked {
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

func who(b Blocked, seen Observation) string {
	if everybody(b, seen) {
		return "readers and writers of " + b.Relation
	}
	return "writers of " + b.Relation
}

func what(b Blocked, seen Observation) string {
	if everybody(b, seen) {
		return "read and write"
	}
	return "write"
}

// everybody tells whether even reading had to wait.
func everybody(b Blocked, seen Observation) bool {
	return b.Wanted == "AccessShareLock" || slices.ContainsFunc(seen.Locks, func(l Lock) bool {
		return l.Relation == b.Relation && l.Mode == "AccessExclusiveLock" && l.Held >= b.For/2
	})
}

func blockRemedy(b Blocked) string {
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

func judgeLeft(seen Observation, budget Budget) []understudy.Finding {
	var findings []understudy.Finding
	for _, r := range seen.Rewritten {
		f := check.Find(check.MigrationRewrote, r.Relation, fmt.Sprintf("about %d rows, %s copied", r.Rows, bytes(r.Bytes)), nil)
		f.Hurt = float64(r.Bytes)
		findings = append(findings, f)
	}
	for _, name := range seen.InvalidIndexes {
		findings = append(findings, check.Find(check.MigrationInvalidIndex, name, "indisvalid is false after the migration", nil))
	}
	if len(seen.LostStatistics) > 0 {
		columns := strings.Join(seen.LostStatistics, ", ")
		findings = append(findings, check.Find(check.MigrationStatistics, columns, "the server knew their distribution before, and does not after", nil))
	}
	return append(findings, judgeExclusive(seen, budget)...)
}

// judgeExclusive names the tables that were there before and were locked against
// everything: one finding, as the advice is the same for all.
func judgeExclusive(seen Observation, budget Budget) []understudy.Finding {
	held, aside := map[string]string{}, map[string]bool{}
	longest := time.Duration(0)
	for _, l := range seen.Locks {
		switch {
		case l.New || !strings.HasSuffix(l.Kind, "table"):
			aside[l.Relation] = true
		case l.Mode == "AccessExclusiveLock":
			held[l.Relation] = "about " + rounded(l.Held).String()
			longest = max(longest, l.Held)
		}
	}
	for _, relation := range seen.Exclusive {
		if _, sampled := held[relation]; !sampled && !aside[relation] {
			held[relation] = "too short to be sampled"
		}
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
