package mask

import (
	"maps"
	"slices"
	"strings"

	"understudy"
)

// Policy is what a team has decided about its columns: the content of mask.yaml. The zero
// value rules nothing.
type Policy struct {
	// Columns are the rules, by "schema.table.column" as understudy.Column.String writes
	// it, by "schema.table.column.path.in.json", or by a pattern in which * stands for any
	// characters but a dot, and which is held against the end of the name: "*.email" is
	// the column email of every table. A whole name goes before a pattern, and of several
	// patterns the one with the most letters.
	Columns map[string]Rule

	comments map[string]string // of the file's lines, by key, so that Plan keeps them
}

// Rule is what is done to one column.
type Rule struct {
	Mask     string          `json:"mask"`               // one of Names
	Constant string          `json:"constant,omitempty"` // what a constant is
	JSON     map[string]Rule `json:"json,omitempty"`     // by dotted path; "*" is every text without a rule of its own
}

// Digest names the rules, whatever order the file has them in and whatever its comments say.
func (p Policy) Digest() understudy.Digest {
	type line struct {
		Key  string
		Rule Rule
	}
	lines := make([]line, 0, len(p.Columns))
	for _, key := range slices.Sorted(maps.Keys(p.Columns)) {
		lines = append(lines, line{key, p.Columns[key]})
	}
	digest, err := understudy.DigestOfValue(lines)
	if err != nil { // strings and maps of them have a JSON form
		return understudy.DigestOf([]byte(err.Error()))
	}
	return digest
}

// rule finds what is decided about a column, the paths of JSON that are ruled one by one
// included.
func (p Policy) rule(column string) (Rule, bool) {
	rule, found := p.Columns[column]
	if !found {
		rule, found = p.byPattern(column)
	}
	for key, inner := range p.Columns {
		path, below := strings.CutPrefix(key, column+".")
		if !below || strings.Contains(key, "*") {
			continue
		}
		if !found || rule.Mask != maskJSON {
			rule, found = Rule{Mask: maskJSON}, true
		}
		rule.JSON = maps.Clone(rule.JSON)
		if rule.JSON == nil {
			rule.JSON = map[string]Rule{}
		}
		rule.JSON[path] = inner
	}
	return rule, found
}

func (p Policy) byPattern(column string) (Rule, bool) {
	best, found := "", false
	for _, key := range slices.Sorted(maps.Keys(p.Columns)) {
		if !strings.Contains(key, "*") || !matches(key, column) {
			continue
		}
		if !found || literal(key) > literal(best) {
			best, found = key, true
		}
	}
	return p.Columns[best], found
}

func literal(pattern string) int { return len(pattern) - strings.Count(pattern, "*") }

// matches holds a pattern against the last parts of a column's name, as many as it has.
func matches(pattern, column string) bool {
	want, have := splitName(pattern), splitName(column)
	if len(want) > len(have) {
		return false
	}
	have = have[len(have)-len(want):]
	for i := range want {
		if !matchesPart(want[i], have[i]) {
			return false
		}
	}
	return true
}

// matchesPart holds one part against a pattern in which * is any run of characters.
func matchesPart(pattern, part string) bool {
	pieces := strings.Split(pattern, "*")
	rest, found := strings.CutPrefix(part, pieces[0])
	if !found || len(pieces) == 1 {
		return found && rest == ""
	}
	for _, piece := range pieces[1 : len(pieces)-1] {
		at := strings.Index(rest, piece)
		if at < 0 {
			return false
		}
		rest = rest[at+len(piece):]
	}
	return strings.HasSuffix(rest, pieces[len(pieces)-1])
}

// splitName splits at the dots that are not inside double quotes.
func splitName(name string) []string {
	var parts []string
	quoted, start := false, 0
	for i := range len(name) {
		switch {
		case name[i] == '"':
			quoted = !quoted
		case name[i] == '.' && !quoted:
			parts, start = append(parts, name[start:i]), i+1
		}
	}
	return append(parts, name[start:])
}
