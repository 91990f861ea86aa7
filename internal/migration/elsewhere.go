package migration

import (
	"slices"
	"time"

	"understudy"
)

// judgeElsewhere judges what was seen of further databases. Its findings say in which; how big
// their tables are in production is not known.
func judgeElsewhere(ran Ran, budget Budget) []understudy.Finding {
	budget.Twin, budget.Production = nil, nil
	var findings []understudy.Finding
	for _, there := range ran.Observation.Elsewhere {
		there.LogBytes = there.OwnLogBytes // everybody's is the server's, and was judged with the first
		ran.Observation = there
		for _, f := range judgeSeen(ran, budget) {
			f.Subject = there.There(f.Subject)
			f.Title += ", in database " + there.Database
			f.Seen = "in database " + there.Database + ": " + f.Seen
			f.Remedy = "in database " + there.Database + ": " + f.Remedy
			findings = append(findings, f)
		}
	}
	return findings
}

// statements are those of a run in all databases, by the clock of the first observation.
func statements(seen understudy.Observation) []understudy.ObservedStatement {
	all := slices.Clone(seen.Statements)
	for _, there := range seen.Elsewhere {
		var later time.Duration
		if !there.Began.IsZero() && !seen.Began.IsZero() {
			later = there.Began.Sub(seen.Began)
		}
		for _, s := range there.Statements {
			s.From, s.Until = s.From+later, s.Until+later
			all = append(all, s)
		}
	}
	return all
}
