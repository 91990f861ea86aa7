package migration

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"understudy"
	"understudy/internal/check"
)

// Judge turns a run into findings. It is pure: the same run gives the same findings. It
// goes by what was seen to happen; the text of a statement only helps to choose a remedy.
func Judge(ran Ran, budget Budget) []understudy.Finding {
	findings := append(judgeEnd(ran, budget), judgeSeen(ran, budget)...)
	findings = append(findings, outlasts(ran, budget)...)
	return append(findings, judgeElsewhere(ran, budget)...)
}

// judgeSeen judges what was seen of the first database.
func judgeSeen(ran Ran, budget Budget) []understudy.Finding {
	s := newScene(ran.Observation, budget)
	var findings []understudy.Finding
	for _, judge := range []func(scene) []understudy.Finding{
		scene.blocked, scene.rewritten, scene.lockedScans, scene.writeLocks, scene.kept, scene.severalTables, scene.otherTables,
		scene.waited, scene.untimed, scene.deadlocks, scene.exclusives,
		scene.bulkWrites, scene.triggers, scene.removed, scene.disk, scene.log,
		scene.invalid, scene.lostStatistics, scene.missingStatistics, scene.indexGaps, scene.hot,
		scene.keys, scene.sequences, scene.notValid,
		scene.types, scene.timeZones, scene.withoutEquality, scene.enums, scene.dependents, scene.followers, scene.unlogged,
	} {
		findings = append(findings, judge(s)...)
	}
	if ran.OK() && ran.Tries <= 1 {
		findings = append(findings, s.rolledBack()...)
	}
	findings = atSize(findings, ran, budget)
	for i := range findings {
		findings[i].Inexact = findings[i].Inexact || sampled(findings[i], ran.Observation.Exact)
	}
	return findings
}

// sampled tells whether a finding rests on something of which more may have happened.
func sampled(f understudy.Finding, exact understudy.Exactness) bool {
	switch check.Code(f.Code) {
	case check.MigrationBlocked, check.MigrationGrows, check.MigrationWaited, check.MigrationNoTimeout:
		return !exact.Waits
	case check.MigrationExclusive:
		return !exact.Exclusive
	case check.MigrationWriteLock, check.MigrationLockedScan, check.MigrationLockKept, check.MigrationTogether, check.MigrationOtherTable:
		return !exact.Locks
	case check.MigrationBulkWrite, check.MigrationTriggers:
		return !exact.Writes
	case check.MigrationDisk:
		return true
	}
	return false
}

func judgeEnd(ran Ran, budget Budget) []understudy.Finding {
	switch {
	case ran.Hung:
		seen := fmt.Sprintf("ended after %s%s", rounded(ran.Took), lastBegun(ran.Observation))
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

// lastBegun names the statement that a migration was at, where it is known.
func lastBegun(seen understudy.Observation) string {
	var last understudy.ObservedStatement
	for _, statement := range seen.Statements {
		if statement.From >= last.From {
			last = statement
		}
	}
	if last.Text == "" {
		return ""
	}
	return " in: " + last.Text
}

// left is where production's schema would be after a failure.
func left(ran Ran) string {
	if ran.Left == "" {
		return "production would be left with whatever steps had been committed by then"
	}
	return "production would be left with the steps that had been committed by then; its status command says " + ran.Left
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

// lasted is how long something lasted, in words.
func lasted(d time.Duration) string {
	if d < time.Millisecond {
		return "less than 1ms"
	}
	return rounded(d).String()
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

// inOrder puts findings of one kind into the order of their subjects.
func inOrder(findings []understudy.Finding) []understudy.Finding {
	slices.SortStableFunc(findings, func(a, b understudy.Finding) int { return strings.Compare(a.Subject, b.Subject) })
	return findings
}
