package mask

import (
	"fmt"
	"maps"
	"reflect"
	"strings"

	"understudy"
)

// decide says what is done to a column, and why nothing can be: in words for a person,
// one for each thing that is open. A column that is open must not be copied.
func (r rules) decide(c understudy.Column, beside []understudy.Column) (rule Rule, open []string) {
	said := r.ofColumn(c, beside)
	switch {
	case said.found && isDocument(said.rule.Mask):
		return said.rule, openPaths(c, said.rule)
	case said.found:
		return said.rule, nil
	case len(said.others) > 0:
		return rule, []string{fmt.Sprintf("%s: is %s now, and its rule was made for %s", c, canonicalType(c.Type), strings.Join(said.others, ", "))}
	}
	finding := classifyBeside(c, beside)
	if finding.Class.Personal() {
		return rule, []string{fmt.Sprintf("%s: looks like %s (%s)", c, finding.Class, finding.Reason)}
	}
	return rule, []string{fmt.Sprintf("%s: has no rule, and does not look personal", c)}
}

// openPaths lists the paths of a document that look personal and are not decided.
func openPaths(c understudy.Column, rule Rule) []string {
	var open []string
	for _, path := range ClassifyPaths(c) {
		if path.Class.Personal() && !rule.decides(path.Path) {
			open = append(open, fmt.Sprintf("%s.%s: looks like %s (%s)", c, path.Path, path.Class, path.Reason))
		}
	}
	return open
}

// decides tells whether somebody has decided about a path of a document. Like a pattern of
// columns, "*" does not keep what was not seen by who wrote it.
func (r Rule) decides(path string) bool {
	named := r.JSON
	if path != "*" && r.JSON["*"].Mask == maskKeep {
		named = maps.Clone(r.JSON)
		delete(named, "*")
	}
	_, ruled := pathRule(named, strings.Split(path, "."))
	return ruled
}

func refusal(table string, open []string) error {
	noun := "columns are"
	if len(open) == 1 {
		noun = "column is"
	}
	return understudy.Errorf(understudy.KindRefused, "table %s was not copied: %d %s not decided:\n  %s",
		table, len(open), noun, strings.Join(open, "\n  ")).
		WithHint("`understudy mask plan` proposes a rule for each; read them, and decide those that begin with #? (keep is a rule too)")
}

// checkReference sees to it that the two ends of a foreign key hold the same values afterwards.
func (r rules) checkReference(c understudy.Column, rule Rule) error {
	if c.References == "" || rule.Mask == maskNull {
		return nil
	}
	other, _ := r.referred(c)
	if other.Mask == "" {
		other.Mask = maskKeep
	}
	if reflect.DeepEqual(rule, other) {
		return nil
	}
	return understudy.Errorf(understudy.KindInvalid, "column %s is masked by %s, but it is a foreign key to %s, which has %s: rows would lose what they refer to",
		c, rule.Mask, c.References, other.Mask).WithHint("give both the same rule")
}
