package mask

import (
	"cmp"
	"maps"

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
	line.rule.Mask, line.open = name, !sure || finding.Weak
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
	line := planLine{key: keyOf(c), rule: Rule{Mask: cmp.Or(have.Mask, documentMask(parseType(c.Type))), JSON: maps.Clone(have.JSON)}, reason: string(finding.Class) + ": " + finding.Reason}
	if line.rule.JSON == nil {
		line.rule.JSON = map[string]Rule{}
	}
	for _, p := range ClassifyPaths(c) {
		if have.decides(p.Path) || !p.Class.Personal() {
			continue
		}
		name, sure := p.Class.textMask()
		if p.Numbers {
			name, sure = p.Class.mask(columnType{family: familyInteger})
		}
		line.rule.JSON[p.Path] = Rule{Mask: name}
		line.open = line.open || !sure
	}
	return line
}
