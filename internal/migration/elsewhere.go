package migration

import (
	"strings"

	"understudy"
)

// judgeElsewhere judges what was seen of further databases. Its findings say in which.
func judgeElsewhere(ran Ran, budget Budget) []understudy.Finding {
	var findings []understudy.Finding
	for _, there := range ran.Observation.Elsewhere {
		there.LogBytes = there.OwnLogBytes // everybody's is the server's, and was judged with the first
		ran.Observation = there
		for _, f := range judgeSeen(ran, budget.in(there.Database)) {
			findings = append(findings, elsewhere(f, there.Database))
		}
	}
	return findings
}

// elsewhere says of a finding which database it is about.
func elsewhere(f understudy.Finding, database string) understudy.Finding {
	f.Subject = understudy.InDatabase(database, f.Subject)
	f.Title += ", in database " + database
	f.Seen = "in database " + database + ": " + f.Seen
	f.Remedy = "in database " + database + ": " + f.Remedy
	return f
}

// in is the budget of a further database: the sizes are those of its relations, by their own names.
func (b Budget) in(database string) Budget {
	b.Twin, b.Production = sizesIn(database, b.Twin), sizesIn(database, b.Production)
	return b
}

func sizesIn(database string, all map[string]Size) map[string]Size {
	own := map[string]Size{}
	for name, size := range all {
		if relation, is := strings.CutPrefix(name, database+"/"); is {
			own[relation] = size
		}
	}
	return own
}
