package migration

import (
	"fmt"
	"strings"

	"understudy"
	"understudy/internal/check"
)

// zoned tells of a column that became a point in time with a time zone, or lost it.
func zoned(c understudy.ColumnChange) bool {
	with, without := strings.HasSuffix(c.Is, "with time zone"), strings.HasSuffix(c.Is, "without time zone")
	return strings.HasPrefix(c.Was, "timestamp") && strings.HasPrefix(c.Is, "timestamp") &&
		(with && strings.HasSuffix(c.Was, "without time zone") || without && strings.HasSuffix(c.Was, "with time zone"))
}

// types are columns whose type is another one under programs that run.
func (s scene) types() []understudy.Finding {
	var names, said []string
	for _, t := range s.inOrder() {
		for _, c := range t.Columns {
			if c.Was != "" && c.Is != "" && c.Was != c.Is && !t.New && !t.Gone {
				names = append(names, t.Relation+"."+c.Name)
				said = append(said, fmt.Sprintf("%s.%s: %s → %s", t.Relation, c.Name, c.Was, c.Is))
			}
		}
	}
	if len(names) == 0 {
		return nil
	}
	return []understudy.Finding{check.Find(check.MigrationType, list(names), list(said), nil)}
}

func (s scene) timeZones() []understudy.Finding {
	var findings []understudy.Finding
	for _, t := range s.inOrder() {
		for _, c := range t.Columns {
			if !zoned(c) {
				continue
			}
			seen := fmt.Sprintf("%s → %s, not written anew: this session's time zone was UTC", c.Was, c.Is)
			if t.Rewritten {
				seen = fmt.Sprintf("%s → %s, and the whole table was written anew: this session's time zone was not UTC, or another step needed it", c.Was, c.Is)
			}
			about := s.about(t.Relation)
			about["column"], about["type"] = c.Name, c.Is
			findings = append(findings, check.Find(check.MigrationTimeZone, t.Relation+"."+c.Name, seen, check.Facts{"remedy": s.remedy("time-zone", about)}))
		}
	}
	return findings
}

func (s scene) withoutEquality() []understudy.Finding {
	var findings []understudy.Finding
	for _, t := range s.inOrder() {
		for _, c := range t.Columns {
			if c.Is == "json" && c.Was != "json" {
				findings = append(findings, check.Find(check.MigrationNoEquality, t.Relation+"."+c.Name, "its type is json", nil))
			}
		}
	}
	return findings
}

func (s scene) enums() []understudy.Finding {
	var names []string
	for _, o := range s.Objects {
		if o.Kind == "enum value" && o.New {
			names = append(names, o.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return []understudy.Finding{check.Find(check.MigrationEnum, list(names), "no command takes a value out of an enum", nil)}
}

// dependents are views, functions and the like that were there before and are not any
// more. What belongs to a table that is gone goes with it.
func (s scene) dependents() []understudy.Finding {
	var names, said []string
	for _, o := range s.Objects {
		switch o.Kind {
		case "view", "materialized view", "function", "procedure", "aggregate", "rule", "trigger", "policy", "type", "domain", "foreign key":
		default:
			continue
		}
		if o.Gone && !o.New && (o.Table == "" || !s.tables[o.Table].Gone) {
			names, said = append(names, o.Name), append(said, o.Kind+" "+o.Name)
		}
	}
	for _, c := range s.Constraints {
		if c.Gone && c.Kind == "foreign key" && s.tables[c.References].Gone && !s.tables[c.Table].Gone {
			names, said = append(names, c.Table+"."+c.Name), append(said, "foreign key "+c.Name+" of "+c.Table)
		}
	}
	for _, t := range s.inOrder() {
		if t.Gone && t.Kind == "materialized view" {
			names, said = append(names, t.Relation), append(said, "materialized view "+t.Relation)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return []understudy.Finding{check.Find(check.MigrationDependents, list(names), "there before and not after: "+list(said), nil)}
}

// followers are published tables that others cannot follow as before.
func (s scene) followers() []understudy.Finding {
	var names, said []string
	for _, t := range s.inOrder() {
		var why []string
		if t.Identity != "" {
			why = append(why, "its replica identity is "+t.Identity)
		}
		for _, c := range t.Columns {
			if t.Published && c.Was != c.Is && !t.New {
				why = append(why, "column "+c.Name+" changed")
			}
		}
		if t.Published && t.Gone {
			why = append(why, "it is gone")
		}
		if t.Published && t.Emptied {
			why = append(why, "it was emptied")
		}
		if len(why) > 0 {
			names, said = append(names, t.Relation), append(said, t.Relation+": "+strings.Join(why, ", "))
		}
	}
	if len(names) == 0 {
		return nil
	}
	return []understudy.Finding{check.Find(check.MigrationFollowers, list(names), list(said), nil)}
}

func (s scene) unlogged() []understudy.Finding {
	var findings []understudy.Finding
	for _, t := range s.inOrder() {
		if t.Unlogged && !t.Gone {
			findings = append(findings, check.Find(check.MigrationUnlogged, t.Relation, "its rows go into no log since", nil))
		}
	}
	return findings
}
