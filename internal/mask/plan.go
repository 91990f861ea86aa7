package mask

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"understudy"
)

// Plan writes a whole mask.yaml for columns: what is ruled already, as it is and with its
// comments, and one line for every other column that looks personal, with the reason. A
// line that a person has to decide on is commented out, so that a copy goes on being
// refused until somebody has; undecided counts those.
func Plan(columns []understudy.Column, have Policy) (text []byte, undecided int) {
	var lines []planLine
	for _, key := range slices.Sorted(maps.Keys(have.Columns)) {
		lines = append(lines, planLine{key: key, rule: have.Columns[key], reason: have.comments[key]})
	}
	for _, c := range columns {
		rule, found := have.decide(c)
		if c.Generated || len(have.open(c, rule, found)) == 0 {
			continue
		}
		line := propose(c, rule)
		if !line.sure {
			undecided++
		}
		if line.sure { // an undecided one stands beside what is in force
			lines = slices.DeleteFunc(lines, func(l planLine) bool { return l.key == line.key })
		}
		lines = append(lines, line)
	}
	slices.SortStableFunc(lines, func(a, b planLine) int { return strings.Compare(a.key, b.key) })
	return writePlan(lines, undecided), undecided
}

// planLine is one column of a plan. Lines of have have no class and are in force.
type planLine struct {
	key    string
	rule   Rule
	reason string
	sure   bool
	fresh  bool
}

// propose is the line for a column that is not, or not wholly, decided.
func propose(c understudy.Column, have Rule) planLine {
	class, reason, _ := Classify(c)
	line := planLine{key: c.String(), reason: reason, fresh: true}
	t := parseType(c.Type)
	if class == ClassJSON || have.Mask == maskJSON {
		line.rule, line.sure = proposePaths(c, have)
		return line
	}
	line.rule.Mask, line.sure = class.mask(t)
	m, _ := named(line.rule.Mask)
	if t.family == familyJSON {
		line.rule.Mask, line.sure = "text", false
	}
	if c.Unique && !m.unique {
		line.rule.Mask = "token"
	}
	if c.Unique && (t.family == familyOther || t.array) {
		line.sure = false
	}
	return line
}

// proposePaths keeps the paths that are ruled and adds those that look personal.
func proposePaths(c understudy.Column, have Rule) (rule Rule, sure bool) {
	rule, sure = Rule{Mask: maskJSON, JSON: maps.Clone(have.JSON)}, true
	if rule.JSON == nil {
		rule.JSON = map[string]Rule{}
	}
	for _, p := range classifyPaths(c) {
		if _, ruled := pathRule(have.JSON, strings.Split(p.path, ".")); ruled {
			continue
		}
		name, certain := p.class.textMask()
		if p.numbers {
			name, certain = p.class.mask(columnType{family: familyInteger})
		}
		rule.JSON[p.path] = Rule{Mask: name}
		sure = sure && certain
	}
	return rule, sure
}

func writePlan(lines []planLine, undecided int) []byte {
	var out bytes.Buffer
	out.WriteString("# What is done to personal data on its way to a twin. A column that looks personal\n" +
		"# and has no line here stops the copy. Masks: " + strings.Join(Names(), ", ") + ".\n")
	if undecided > 0 {
		fmt.Fprintf(&out, "# Lines to decide on: %d. They begin with #?; take that away, and put the mask you want.\n", undecided)
	}
	if len(lines) == 0 {
		out.WriteString("columns: {}\n")
		return out.Bytes()
	}
	out.WriteString("columns:\n")
	for _, l := range lines {
		mark := "  "
		if l.fresh && !l.sure {
			mark = "  #? "
		}
		fmt.Fprintf(&out, "%s%s: %s", mark, scalar(l.key), l.rule.yaml())
		if l.reason != "" {
			fmt.Fprintf(&out, " # %s", strings.ReplaceAll(l.reason, "\n", " "))
		}
		out.WriteByte('\n')
	}
	return out.Bytes()
}

// yaml is a rule as mask.yaml writes it, on one line.
func (r Rule) yaml() string {
	switch r.Mask {
	case maskConstant:
		return fmt.Sprintf("{constant: %s}", scalar(r.Constant))
	case maskJSON:
		var paths []string
		for _, path := range slices.Sorted(maps.Keys(r.JSON)) {
			paths = append(paths, fmt.Sprintf("%s: %s", scalar(path), r.JSON[path].yaml()))
		}
		return fmt.Sprintf("{json: {%s}}", strings.Join(paths, ", "))
	default:
		return r.Mask
	}
}

// scalar writes a text so that YAML reads it back as it is, inside braces too.
func scalar(text string) string {
	node := yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
	if strings.ContainsAny(text, "*{}[],&!|>%@`\"'#:\n") || text == "" || strings.TrimSpace(text) != text {
		node.Style = yaml.DoubleQuotedStyle
	}
	raw, err := yaml.Marshal(&node)
	if err != nil { // a scalar has a YAML form
		return fmt.Sprintf("%q", text)
	}
	return strings.TrimSpace(string(raw))
}
