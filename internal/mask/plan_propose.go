package mask

import (
	"maps"
	"strings"

	"understudy"
)

// propose is the line for a column by what it was found to be.
func propose(c understudy.Column, finding Finding) planLine {
	t := parseType(c.Type)
	line := planLine{key: keyOf(c), reason: string(finding.Class) + ": " + finding.Reason}
	switch {
	case finding.Document:
		return proposeDocument(c, Rule{}, finding)
	case !finding.Class.Personal():
		line.rule.Mask, line.open = maskKeep, finding.Weak
		return line
	}
	name, sure := finding.Class.mask(t)
	line.rule.Mask, line.open = name, !sure
	if t.family == familyJSON {
		line.rule.Mask, line.open = "text", true
	}
	if m, _ := named(line.rule.Mask); c.Unique && !m.unique {
		line.rule.Mask = "token"
	}
	if c.Unique && (t.family == familyOther || t.array) {
		line.open = true
	}
	return line
}

// proposeDocument keeps the paths that are ruled and adds those that look personal. What
// has none so far is ruled by path as well, so that a copy stops at the first that comes.
func proposeDocument(c understudy.Column, have Rule, finding Finding) planLine {
	line := planLine{key: keyOf(c), rule: Rule{Mask: maskJSON, JSON: maps.Clone(have.JSON)}, reason: string(finding.Class) + ": " + finding.Reason}
	if line.rule.JSON == nil {
		line.rule.JSON = map[string]Rule{}
	}
	for _, p := range classifyPaths(c) {
		if _, ruled := pathRule(have.JSON, strings.Split(p.path, ".")); ruled || !p.class.Personal() {
			continue
		}
		name, sure := p.class.textMask()
		if p.numbers {
			name, sure = p.class.mask(columnType{family: familyInteger})
		}
		line.rule.JSON[p.path] = Rule{Mask: name}
		line.open = line.open || !sure
	}
	return line
}
