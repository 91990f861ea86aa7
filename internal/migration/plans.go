package migration

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"understudy"
	"understudy/internal/check"
)

// Plan is how the server would run a statement, as one line, with what it costs by the
// planner's reckoning and how many rows it is expected to give.
type Plan struct {
	Shape string  `json:"shape"`
	Cost  float64 `json:"cost"`
	Rows  float64 `json:"rows"`
}

// Planned is one of the busiest statements with its plans before and after a migration, on
// the same data.
type Planned struct {
	Database  string  `json:"database,omitempty"` // empty: the first
	Statement string  `json:"statement"`          // without values
	Calls     int64   `json:"calls"`              // 0: not known, as of statements that were declared
	Share     float64 `json:"share"`              // of the time of all that were planned, or of all that are run
	Before    Plan    `json:"before"`
	// After is nil where it can no longer be planned, as a column is gone: whether the old
	// release then breaks is what the check of compatibility tells.
	After *Plan `json:"after,omitempty"`
}

// moved is by how much a plan's cost has to change to be worth a warning, and by which one
// that kept its shape is told at all: less comes with a few more rows or pages.
const moved = 2

// JudgePlans finds the statements that are planned otherwise after the migration, the
// busiest first. Another shape that costs much more is a warning; another shape that does
// not, and the same one that costs much more, are notes.
func JudgePlans(all []Planned) []understudy.Finding {
	var findings []understudy.Finding
	for _, p := range slices.SortedFunc(slices.Values(all), func(a, b Planned) int { return cmp.Compare(b.Share, a.Share) }) {
		if p.After == nil {
			continue
		}
		ratio := p.After.Cost / max(p.Before.Cost, 1e-9)
		same := p.Before.Shape == p.After.Shape
		if same && ratio < moved {
			continue
		}
		f := check.Find(check.MigrationPlan, short(p.Statement), fmt.Sprintf("%s\nbefore: %s\nafter:  %s\ncost %.1f → %.1f (×%.2g), rows expected %.0f → %.0f; %s",
			p.Statement, p.Before.Shape, p.After.Shape, p.Before.Cost, p.After.Cost, ratio, p.Before.Rows, p.After.Rows, p.weight()),
			check.Facts{"ratio": fmt.Sprintf("%.2g", ratio), "manner": manner(same)})
		if same || ratio < moved {
			f.Severity = understudy.SeverityNote
		}
		f.Hurt = ratio * p.Share
		if p.Database != "" {
			f = elsewhere(f, p.Database)
		}
		findings = append(findings, f)
	}
	return findings
}

// weight is how much of what the database does the statement is.
func (p Planned) weight() string {
	if p.Calls == 0 {
		return fmt.Sprintf("%.0f %% of the declared statements", 100*p.Share)
	}
	return fmt.Sprintf("%d calls, %.0f %% of the time of the busiest statements", p.Calls, 100*p.Share)
}

func manner(same bool) string {
	if same {
		return "as before, over more"
	}
	return "in another way"
}

// short is the beginning of a statement, for a title.
func short(statement string) string {
	const most = 60
	runes := []rune(strings.Join(strings.Fields(statement), " "))
	if len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return string(runes)
}

// PlanFigures says how many statements were planned, how many no longer can be, and why others
// were not.
func PlanFigures(all []Planned, why string) []understudy.Figure {
	const name = "busiest statements planned before and after"
	if len(all) == 0 && why != "" {
		return []understudy.Figure{{Name: name, Basis: "none: " + why}}
	}
	gone := 0
	for _, p := range all {
		if p.After == nil {
			gone++
		}
	}
	basis := "for any parameters, on the same copy"
	if why != "" {
		basis += "; none " + why
	}
	figures := []understudy.Figure{{Name: name, Value: float64(len(all)), Basis: basis}}
	if gone > 0 {
		figures = append(figures, understudy.Figure{Name: "busiest statements that can no longer be planned", Value: float64(gone), Basis: "see compatibility; they are listed in the evidence"})
	}
	return figures
}
