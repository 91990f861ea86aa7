package migration

import (
	"fmt"
	"slices"
	"strings"

	"understudy"
	"understudy/internal/check"
)

// invalid are indexes that are kept up to date and never used.
func (s scene) invalid() []understudy.Finding {
	var findings []understudy.Finding
	for _, i := range s.Indexes {
		if !i.Invalid || i.Gone {
			continue
		}
		seen := "indisvalid is false after the migration"
		if i.WasInvalid {
			seen = "it was invalid before the migration, and still is: IF NOT EXISTS takes it for whole"
		}
		about := s.about(i.Table)
		about["index"], about["indexname"] = i.Name, bare(i.Name)
		f := check.Find(check.MigrationInvalidIndex, i.Name, seen, check.Facts{"remedy": s.remedy("invalid-index", about)})
		if i.WasInvalid {
			f = as(f, understudy.SeverityWarning)
		}
		findings = append(findings, f)
	}
	return inOrder(findings)
}

func (s scene) lostStatistics() []understudy.Finding {
	var lost, tables []string
	for _, t := range s.inOrder() {
		for _, c := range t.Columns {
			if c.LostStatistics && c.Is != "" || c.LostStatistics && c.Was == "" {
				lost, tables = append(lost, t.Relation+"."+c.Name), append(tables, t.Relation)
			}
		}
	}
	if len(lost) == 0 {
		return nil
	}
	return []understudy.Finding{check.Find(check.MigrationStatistics, strings.Join(lost, ", "), "the server knew their distribution before, and does not after",
		check.Facts{"remedy": s.analyze(tables)})}
}

// analyze is the remedy for tables of which the planner does not know enough.
func (s scene) analyze(tables []string) string {
	seen := map[string]bool{}
	tables = slices.DeleteFunc(tables, func(t string) bool { was := seen[t]; seen[t] = true; return was })
	return s.remedy("analyze", names{"table": strings.Join(tables, ", ")})
}

// missingStatistics are new columns, expressions and tables of which the planner knows
// nothing though there are rows. A new column is a mere fact: its values come later.
func (s scene) missingStatistics() []understudy.Finding {
	var names, tables []string
	columnsOnly := true
	for _, t := range s.inOrder() {
		unknown := 0
		for _, c := range t.Columns {
			if c.NoStatistics {
				unknown++
			}
		}
		switch {
		case unknown == 0 || t.Rows == 0 || t.Gone:
		case t.New && s.small(t.Relation):
		case t.New:
			names, tables, columnsOnly = append(names, t.Relation), append(tables, t.Relation), false
		default:
			for _, c := range t.Columns {
				if c.NoStatistics {
					names, tables = append(names, t.Relation+"."+c.Name), append(tables, t.Relation)
				}
			}
			columnsOnly = columnsOnly && (s.small(t.Relation) || t.Updated < t.Rows/10)
		}
	}
	for _, i := range s.Indexes {
		if i.NoStatistics && !i.Gone && !i.Invalid {
			names, tables, columnsOnly = append(names, i.Name), append(tables, i.Table), columnsOnly && s.small(i.Table)
		}
	}
	if len(names) == 0 {
		return nil
	}
	f := check.Find(check.MigrationNoStatistics, list(names), "they have rows, and no statistics at the end of the migration", check.Facts{"remedy": s.analyze(tables)})
	if columnsOnly {
		f = as(f, understudy.SeverityNote)
	}
	return []understudy.Finding{f}
}

// indexGaps are queries' indexes that are gone, or were for a while.
func (s scene) indexGaps() []understudy.Finding {
	var findings []understudy.Finding
	for _, i := range s.Indexes {
		if !i.Gone || i.Invalid || s.tables[i.Table].Gone || i.Scans == 0 && i.Gap == 0 || i.Replaced && i.Gap == 0 {
			continue
		}
		seen, gap := fmt.Sprintf("it was used %s on the twin before, and no other index begins with its columns (%s)",
			counted(i.Scans, "time"), strings.Join(i.Columns, ", ")), ""
		if i.Replaced {
			gap = " for " + lasted(i.Gap) + ", until its replacement is there"
			seen = fmt.Sprintf("for %s neither it nor its replacement was there; it was used %s on the twin before", lasted(i.Gap), counted(i.Scans, "time"))
		}
		about := s.about(i.Table)
		about["index"], about["indexname"], about["columns"] = i.Name, bare(i.Name), strings.Join(i.Columns, ", ")
		f := check.Find(check.MigrationIndexGap, i.Name, seen, check.Facts{"gap": gap, "remedy": s.remedy("index-first", about)})
		if i.Replaced && i.Scans == 0 && i.Gap < s.noticeable() {
			f = as(f, understudy.SeverityNote)
		}
		findings = append(findings, hurting(f, max(float64(i.Scans), i.Gap.Seconds())))
	}
	return inOrder(findings)
}

// hot are tables whose updates spared the indexes before and do not now.
func (s scene) hot() []understudy.Finding {
	var findings []understudy.Finding
	for _, t := range s.inOrder() {
		if lost := t.HotBefore - t.HotAfter; t.HotBefore > 0 && t.HotAfter >= 0 && lost >= 0.2 && !t.New && !t.Gone {
			f := check.Find(check.MigrationHot, t.Relation, fmt.Sprintf("%.0f %% of its updates touched no index before, %.0f %% after", 100*t.HotBefore, 100*t.HotAfter), nil)
			findings = append(findings, hurting(f, lost))
		}
	}
	return findings
}

// keys are foreign keys that will hurt later.
func (s scene) keys() []understudy.Finding {
	var findings []understudy.Finding
	for _, c := range s.Constraints {
		if c.Kind != "foreign key" || !c.New {
			continue
		}
		subject := c.Table + "." + c.Name
		about := s.about(c.Table)
		about["constraint"], about["other"], about["keycolumns"] = c.Name, c.References, strings.Join(c.Columns, ", ")
		if c.Unindexed {
			f := check.Find(check.MigrationUnindexed, subject, fmt.Sprintf("no index of %s begins with its columns; it references %s", c.Table, c.References),
				check.Facts{"other": c.References, "table": c.Table, "remedy": s.remedy("unindexed-key", about)})
			findings = append(findings, f)
		}
		if c.Mismatch != "" {
			findings = append(findings, check.Find(check.MigrationKeyType, subject, "from "+c.Table+" to "+c.References+": "+c.Mismatch, check.Facts{"types": c.Mismatch}))
		}
	}
	return inOrder(findings)
}

// crowded is the share of a key's values from which on it is a matter of time.
const crowded = 0.5

// sequences are those that stand behind their column, and keys that are nearly used up.
func (s scene) sequences() []understudy.Finding {
	var findings []understudy.Finding
	for _, o := range s.Objects {
		if o.Gone {
			continue
		}
		if o.Behind > 0 {
			about := s.about(o.Table)
			about["sequence"] = o.Name
			f := check.Find(check.MigrationSequence, o.Name, fmt.Sprintf("the largest value in %s is larger by %s than what the sequence gave last", o.Table, grouped(o.Behind)),
				check.Facts{"behind": grouped(o.Behind), "remedy": s.remedy("sequence-behind", about)})
			findings = append(findings, hurting(f, float64(o.Behind)))
		}
		if o.Room >= crowded {
			used := fmt.Sprintf("%.0f %%", 100*o.Room)
			f := check.Find(check.MigrationKeyRoom, o.Name, used+" of what its type holds are given out", check.Facts{"used": used})
			findings = append(findings, hurting(f, o.Room))
		}
	}
	return inOrder(findings)
}

// notValid are constraints that nobody has held against the rows that are there.
func (s scene) notValid() []understudy.Finding {
	var findings []understudy.Finding
	for _, c := range s.Constraints {
		if c.New && c.NotValid {
			about := s.about(c.Table)
			about["constraint"] = c.Name
			findings = append(findings, check.Find(check.MigrationNotValid, c.Table+"."+c.Name, "it was added NOT VALID and not validated since", check.Facts{"remedy": s.remedy("validate", about)}))
		}
	}
	return inOrder(findings)
}
