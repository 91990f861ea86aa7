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

// blind tells a pattern that keeps columns without naming them, as public.products.* does:
// whoever wrote it did not see the columns that come after. It goes behind every other, and
// holds only for columns that do not look personal.
func (p patternRule) blind() bool {
	parts := splitName(p.key.name)
	return p.rule.Mask == maskKeep && isPattern(parts[len(parts)-1])
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
		if parts := splitName(k.name); len(parts) > columnParts {
			put(r.paths, strings.Join(parts[:columnParts], "."), strings.Join(parts[columnParts:], "."), rule)
		}
	}
	slices.SortStableFunc(r.patterns, func(a, b patternRule) int {
		return cmp.Or(cmp.Compare(btoi(a.blind()), btoi(b.blind())), cmp.Compare(literal(b.key.name), literal(a.key.name)), cmp.Compare(len(b.key.typed), len(a.key.typed)))
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
	blind  bool     // by a pattern that keeps and does not name the column
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
// done to the type. Where one that masks cannot be, a blind one does not keep instead.
func (r rules) byPattern(name, typed string) ruling {
	t, passed := parseType(typed), false
	for _, p := range r.patterns {
		if p.key.typed != "" && p.key.typed != typed || !matches(p.key.name, name) {
			continue
		}
		m, known := named(p.rule.Mask)
		switch {
		case known && !fits(m, t):
			passed = true
		case !passed || !p.blind():
			return ruling{rule: p.rule, key: p.key.String(), found: true, blind: p.blind()}
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
	said.blind = false
	said.rule.JSON, said.found = maps.Clone(said.rule.JSON), true
	if said.rule.JSON == nil {
		said.rule.JSON = map[string]Rule{}
	}
	maps.Copy(said.rule.JSON, paths)
	return said
}

// ofColumn is what is said of a column that stands beside others of its table. One that
// looks personal is not kept by a pattern that does not name it.
func (r rules) ofColumn(c understudy.Column, beside []understudy.Column) ruling {
	said := r.of(columnName(c), canonicalType(c.Type))
	if said.blind && classifyBeside(c, beside).Class.Personal() {
		return ruling{}
	}
	return said
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
