package mask

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"understudy"
)

// rules are a policy's, laid out so that a column's is found without going through all.
type rules struct {
	names    map[string]map[string]Rule // by name, then by type
	patterns []patternRule              // the strongest first
	paths    map[string]map[string]Rule // "schema.table.column" to path of a document
}

type patternRule struct {
	key  key
	rule Rule
}

// index lays the rules out. What it returns is only read.
func (p Policy) index() rules {
	r := rules{names: map[string]map[string]Rule{}, paths: map[string]map[string]Rule{}}
	for _, written := range slices.Sorted(maps.Keys(p.Columns)) {
		k, rule := parseKey(written), p.Columns[written]
		if k.pattern() {
			r.patterns = append(r.patterns, patternRule{k, rule})
			continue
		}
		put(r.names, k.name, k.typed, rule)
		if parts := splitName(k.name); len(parts) > 3 {
			put(r.paths, strings.Join(parts[:3], "."), strings.Join(parts[3:], "."), rule)
		}
	}
	slices.SortStableFunc(r.patterns, func(a, b patternRule) int {
		return cmp.Or(cmp.Compare(literal(b.key.name), literal(a.key.name)), cmp.Compare(len(b.key.typed), len(a.key.typed)))
	})
	return r
}

func put(in map[string]map[string]Rule, outer, inner string, rule Rule) {
	if in[outer] == nil {
		in[outer] = map[string]Rule{}
	}
	in[outer][inner] = rule
}

func literal(pattern string) int { return len(pattern) - strings.Count(pattern, "*") }

// ruling is what the rules say of one column.
type ruling struct {
	rule   Rule
	key    string // as the policy has it; empty for paths of a document that are ruled one by one
	found  bool
	others []string // not found: the types that the column does have rules for
}

// of is what is said of a column of a type.
func (r rules) of(name, typed string) ruling {
	own := r.names[name]
	said := ruling{key: key{name, typed}.String()}
	if said.rule, said.found = own[typed]; !said.found {
		said.key = name
		said.rule, said.found = own[""]
	}
	switch {
	case said.found:
	case len(own) > 0:
		return ruling{others: slices.Sorted(maps.Keys(own))}
	default:
		said = r.byPattern(name, typed)
	}
	return r.withPaths(name, typed, said)
}

// byPattern is what the strongest pattern says that the name matches and that can be
// done to the type.
func (r rules) byPattern(name, typed string) ruling {
	t := parseType(typed)
	for _, p := range r.patterns {
		if p.key.typed != "" && p.key.typed != typed || !matches(p.key.name, name) {
			continue
		}
		if m, known := named(p.rule.Mask); !known || fits(m, t) {
			return ruling{rule: p.rule, key: p.key.String(), found: true}
		}
	}
	return ruling{}
}

// withPaths adds the paths of a document that have lines of their own.
func (r rules) withPaths(name, typed string, said ruling) ruling {
	paths := r.paths[name]
	if len(paths) == 0 {
		return said
	}
	if !said.found || !isDocument(said.rule.Mask) {
		said.rule = Rule{Mask: documentMask(parseType(typed))}
	}
	said.rule.JSON, said.found = maps.Clone(said.rule.JSON), true
	if said.rule.JSON == nil {
		said.rule.JSON = map[string]Rule{}
	}
	maps.Copy(said.rule.JSON, paths)
	return said
}

// ofColumn is what is said of a column.
func (r rules) ofColumn(c understudy.Column) ruling {
	return r.of(columnName(c), canonicalType(c.Type))
}

// referred is the rule of what a foreign key refers to, whose type may be another one.
func (r rules) referred(c understudy.Column) (Rule, bool) {
	name := referredName(c.References)
	said := r.of(name, canonicalType(c.Type))
	if len(said.others) > 0 {
		said = r.of(name, said.others[0])
	}
	return said.rule, said.found
}
