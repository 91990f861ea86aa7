package mask

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"understudy"
)

// The kinds of a Change.
const (
	ChangeNew   = "new"     // a column, or a personal path of a document, without a rule: it stops the copy
	ChangeTyped = "changed" // a column whose type no rule was made for: it stops the copy
	ChangeGone  = "gone"    // a rule for a column that is not there; it does no harm
	ChangeClass = "class"   // a column that looks like something else than what its rule was made for
)

// Change is one thing that rules and columns disagree on.
type Change struct {
	Kind     string
	Column   string // as in mask.yaml; of a document with the path
	Type     string // that it has now; of a column that is gone, that it had
	Was      string // the types that it has rules for
	Rule     string // what is in force, as mask.yaml writes it
	Class    Class
	Reason   string
	Proposed string // what a plan would write
	Open     bool   // the proposal is for a person to decide
}

// Stops tells whether the change stops a copy.
func (c Change) Stops() bool { return c.Kind == ChangeNew || c.Kind == ChangeTyped }

// Diff tells what a schema, as it is now, asks of a policy: in the order of the columns, and then
// what is gone.
func Diff(columns []understudy.Column, have Policy) []Change {
	p := planning{have: have, ruled: have.index(), tables: byTable(columns), proposed: map[string]Rule{}, place: map[string]int{}}
	p.adopt(columns)
	var changes []Change
	for _, c := range inOrderOfReference(columns) {
		if !c.Generated {
			changes = append(changes, p.compare(c)...)
		}
	}
	slices.SortStableFunc(changes, func(a, b Change) int { return cmp.Compare(p.rank(a.Column), p.rank(b.Column)) })
	return append(changes, p.gone()...)
}

// compare is what one column asks for.
func (p *planning) compare(c understudy.Column) []Change {
	said := p.ruled.ofColumn(c, p.tables[c.Table])
	switch {
	case said.found && isDocument(said.rule.Mask):
		return comparePaths(c, said.rule)
	case said.found:
		return p.compareClass(c, said)
	}
	k, finding := keyOf(c), classifyBeside(c, p.tables[c.Table])
	p.consider(c)
	line := p.lines[len(p.lines)-1]
	change := Change{
		Kind: ChangeNew, Column: k.name, Type: k.typed, Class: finding.Class, Reason: finding.Reason,
		Proposed: line.rule.yaml(), Open: line.open,
	}
	if len(said.others) > 0 {
		change.Kind, change.Was, change.Rule = ChangeTyped, strings.Join(said.others, ", "), p.ruled.names[k.name][said.others[0]].yaml()
	}
	return []Change{change}
}

// comparePaths finds the paths of a document that are personal and not ruled.
func comparePaths(c understudy.Column, rule Rule) []Change {
	var changes []Change
	for _, path := range ClassifyPaths(c) {
		if rule.decides(path.Path) || !path.Class.Personal() {
			continue
		}
		name, sure := path.Class.textMask()
		changes = append(changes, Change{
			Kind: ChangeNew, Column: columnName(c) + "." + path.Path, Type: canonicalType(c.Type), Rule: rule.yaml(),
			Class: path.Class, Reason: path.Reason, Proposed: name, Open: !sure,
		})
	}
	return changes
}

// compareClass finds a column whose rule was made for another class than it has now: the
// class that a plan wrote into the line's comment. Where somebody put words of their own,
// or chose another mask for the same class, that is their decision.
func (p *planning) compareClass(c understudy.Column, said ruling) []Change {
	finding := classifyBeside(c, p.tables[c.Table])
	proposal := propose(c, finding)
	comment := p.have.comments[said.key]
	recorded, planned := recordedClass(comment)
	switch {
	case !finding.Class.Personal(), proposal.rule.Mask == said.rule.Mask:
		return nil
	case planned && recorded == finding.Class, !planned && comment != "", comment == "" && said.rule.Mask != maskKeep:
		return nil
	}
	k := keyOf(c)
	return []Change{{
		Kind: ChangeClass, Column: k.name, Type: k.typed, Rule: said.rule.yaml(), Class: finding.Class, Reason: finding.Reason,
		Proposed: proposal.rule.yaml(), Open: proposal.open,
	}}
}

// recordedClass is the class that a plan named in the comment of a line.
func recordedClass(comment string) (class Class, planned bool) {
	name, _, found := strings.Cut(comment, ": ")
	class = Class(name)
	return class, found && class.known()
}

// gone are the rules for columns that are not there.
func (p *planning) gone() []Change {
	var changes []Change
	for _, name := range slices.Sorted(maps.Keys(p.ruled.names)) {
		parts := splitName(name)
		if _, has := p.place[strings.Join(parts[:min(3, len(parts))], ".")]; has {
			continue
		}
		for _, typed := range slices.Sorted(maps.Keys(p.ruled.names[name])) {
			changes = append(changes, Change{Kind: ChangeGone, Column: name, Type: typed, Rule: p.ruled.names[name][typed].yaml()})
		}
	}
	return changes
}
