package rehearsal

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"understudy"
	"understudy/internal/check"
)

// conclude is what the look came to. What was not run, or could not be, is no pass.
func (f *flagged) conclude() understudy.Check {
	f.check.Findings = append(f.check.Findings, f.unknownAndUnread()...)
	if len(f.plan.New) == 0 {
		f.check.Summary = fmt.Sprintf("%s, none of them new", counted(len(f.plan.Declared), "flag"))
		return f.check
	}
	f.check.Figures = append(f.check.Figures,
		understudy.Figure{Name: "combinations that passed", Value: float64(len(f.passed)), Basis: fmt.Sprintf("of %d, the team's tests and the declared traffic on each", len(f.plan.Rows)+1)})
	f.check.Summary = fmt.Sprintf("new: %s; %d of %d combinations passed, %d runs", strings.Join(f.plan.New, ", "), len(f.passed), len(f.plan.Rows)+1, len(f.log))
	if f.spared > 0 {
		f.check.Summary += fmt.Sprintf("; %d hold what is known to fail", f.spared)
	}
	if f.left > 0 {
		f.untold = append(f.untold, fmt.Sprintf("%d combinations were not run (policy: flags.rows %d, flags.time %s)", f.left, f.limit.Rows, f.limit.Time))
	}
	if len(f.untold) > 0 {
		f.check.Outcome = understudy.OutcomeInconclusive
		f.check.Summary += "; " + strings.Join(f.untold, "; ")
	}
	return f.check
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// unknownAndUnread are flags that are read and not declared, and the other way round. Where
// all flags are read at once nobody can tell which of them are used.
func (f *flagged) unknownAndUnread() []understudy.Finding {
	var out []understudy.Finding
	for _, key := range slices.Sorted(maps.Keys(f.unknown)) {
		out = append(out, check.Find(check.FlagsUndeclared, key, fmt.Sprintf("read %d times while the tests and the declared traffic ran", f.unknown[key]), nil))
	}
	if f.bulk > 0 {
		return out
	}
	for _, key := range f.plan.Declared {
		if f.used[key] == 0 {
			out = append(out, check.Find(check.FlagsUnread, key, "neither the tests nor the declared traffic had it read", nil))
		}
	}
	return out
}

func staleFlags(plan FlagPlan) []understudy.Finding {
	var out []understudy.Finding
	for _, s := range plan.Stale {
		out = append(out, check.Find(check.FlagsStale, s.Key, fmt.Sprintf("%s in all environments, in each of %d releases", s.Variant, s.Releases), nil))
	}
	return out
}

func withoutOff(plan FlagPlan) []understudy.Finding {
	var out []understudy.Finding
	for _, key := range plan.NoOff {
		out = append(out, check.Find(check.FlagsNoOff, key, "none of its variants is called off or is false, and its metadata names none", nil))
	}
	return out
}

// mostStatements is how many statements are told that come or go.
const mostStatements = 10

// judgeAllOff tells what differs with all new flags off.
func (f *flagged) judgeAllOff(found []difference) {
	told := 0
	for _, d := range found {
		if d.note {
			told++
		}
		if !d.note || told <= mostStatements {
			f.check.Findings = append(f.check.Findings, f.judgeOff(d))
		}
	}
	if told > mostStatements {
		f.check.Findings = append(f.check.Findings, check.Find(check.FlagsOffStatement, "statements", fmt.Sprintf("%d more of them", told-mostStatements), nil))
	}
}

func (f *flagged) judgeOff(d difference) understudy.Finding {
	if d.note {
		return check.Find(check.FlagsOffStatement, d.subject, d.seen, nil)
	}
	found := check.Find(check.FlagsOffDiffers, d.subject, d.seen, check.Facts{"flags": strings.Join(f.plan.New, ", ")})
	reason, accepted := f.limit.Differs[d.subject]
	if !accepted {
		reason, accepted = f.limit.Differs[d.of]
	}
	if accepted {
		found.Severity, found.Seen = understudy.SeverityNote, found.Seen+"; accepted: "+reason
	}
	return found
}
