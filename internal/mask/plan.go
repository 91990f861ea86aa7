package mask

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"understudy"
)

// Plan writes a whole mask.yaml for columns: what is ruled already, as it is and with its
// comments, completed by the type that it holds for, and one line for every other column,
// with the class that it was given and why. A line that a person has to decide on is
// commented out, so that a copy goes on being refused until somebody has; undecided
// counts those.
func Plan(columns []understudy.Column, have Policy) (text []byte, undecided int) {
	p := planning{have: have, ruled: have.index(), tables: byTable(columns), proposed: map[string]Rule{}, place: map[string]int{}}
	p.adopt(columns)
	for _, c := range inOrderOfReference(columns) {
		p.consider(c)
	}
	p.sort()
	for _, l := range p.lines {
		if l.open {
			undecided++
		}
	}
	return slices.Concat(writePlan(p.lines, undecided), have.writeAccepted(), have.writeGroups()), undecided
}

// planLine is one line of a plan.
type planLine struct {
	key    key
	rule   Rule
	reason string
	heads  []string // comment lines above it
	open   bool     // for a person to decide
}

// planning is a plan in the making.
type planning struct {
	have     Policy
	ruled    rules
	tables   map[string][]understudy.Column
	lines    []planLine
	proposed map[string]Rule // by column, what the plan itself proposes
	place    map[string]int  // of a column in its table
}

// adopt takes over the lines that are there. A rule for every type, of a column that
// there is, holds from now on for the type that the column has.
func (p *planning) adopt(columns []understudy.Column) {
	types := map[string]string{}
	for i, c := range columns {
		k := keyOf(c)
		types[k.name], p.place[k.name] = k.typed, i+1
	}
	for _, written := range slices.Sorted(maps.Keys(p.have.Columns)) {
		k := parseKey(written)
		if _, ruledTwice := p.ruled.names[k.name][types[k.name]]; k.typed == "" && !k.pattern() && !ruledTwice {
			k.typed = types[k.name]
		}
		p.lines = append(p.lines, planLine{key: k, rule: p.have.Columns[written], reason: p.have.comments[written], heads: p.have.heads[written]})
	}
}

// consider adds what a column lacks.
func (p *planning) consider(c understudy.Column) {
	if c.Generated {
		return
	}
	name := columnName(c)
	said := p.ruled.ofColumn(c, p.tables[c.Table])
	if said.found && (!isDocument(said.rule.Mask) || len(openPaths(c, said.rule)) == 0) {
		return
	}
	var line planLine
	if said.found {
		line = proposeDocument(c, said.rule, Finding{Class: ClassJSON, Reason: pathsReason(ClassifyPaths(c))})
	} else {
		line = p.propose(c)
	}
	if len(said.others) > 0 {
		line.open, line.reason = true, "was "+strings.Join(said.others, ", ")+"; "+line.reason
		if was := p.ruled.names[name][said.others[0]]; p.ruled.check(c, was) == nil {
			line.rule = was
		}
	}
	if !line.open { // an undecided one stands beside what is in force
		p.lines = slices.DeleteFunc(p.lines, func(l planLine) bool { return l.key == line.key })
	}
	p.lines, p.proposed[name] = append(p.lines, line), line.rule
}

// propose is the line for a column without a rule. A foreign key gets what it refers to.
func (p *planning) propose(c understudy.Column) planLine {
	finding := classifyBeside(c, p.tables[c.Table])
	if c.References != "" {
		referred := referredName(c.References)
		other, found := p.proposed[referred]
		if !found {
			other, found = p.ruled.referred(c)
		}
		if found {
			return planLine{key: keyOf(c), rule: other, reason: "as " + c.References + ", which it refers to", open: p.open(referred)}
		}
	}
	return propose(c, finding)
}

// open tells whether the plan leaves a column to a person.
func (p *planning) open(name string) bool {
	return slices.ContainsFunc(p.lines, func(l planLine) bool { return l.key.name == name && l.open })
}

// sort puts patterns first and then table by table, columns in their order, and what a
// table does not have at its end.
func (p *planning) sort() {
	slices.SortStableFunc(p.lines, func(a, b planLine) int {
		return cmp.Or(
			cmp.Compare(btoi(b.key.pattern()), btoi(a.key.pattern())),
			p.compareOrder(a.key, b.key),
			cmp.Compare(a.key.table(), b.key.table()),
			cmp.Compare(p.rank(a.key.name), p.rank(b.key.name)),
			cmp.Compare(a.key.name, b.key.name),
			cmp.Compare(btoi(a.open), btoi(b.open)),
			cmp.Compare(a.key.typed, b.key.typed))
	})
}

// compareOrder keeps patterns in the order in which somebody wrote them.
func (p *planning) compareOrder(a, b key) int {
	if !a.pattern() || !b.pattern() {
		return 0
	}
	return cmp.Compare(p.have.order[a.String()], p.have.order[b.String()])
}

func (p *planning) rank(name string) int {
	if at, has := p.place[name]; has {
		return at
	}
	return len(p.place) + 1
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// table is the schema and table of a key.
func (k key) table() string {
	parts := splitName(k.name)
	return strings.Join(parts[:min(2, len(parts))], ".")
}

func byTable(columns []understudy.Column) map[string][]understudy.Column {
	tables := map[string][]understudy.Column{}
	for _, c := range columns {
		tables[c.Table] = append(tables[c.Table], c)
	}
	return tables
}

// inOrderOfReference puts what is referred to before what refers to it, as far as there
// is such an order: the columns of a circle come as they are.
func inOrderOfReference(columns []understudy.Column) []understudy.Column {
	at := map[string]int{}
	for i, c := range columns {
		at[columnName(c)] = i
	}
	var ordered []understudy.Column
	seen := make([]bool, len(columns))
	var visit func(i int)
	visit = func(i int) {
		if seen[i] {
			return
		}
		seen[i] = true
		if to, has := at[referredName(columns[i].References)]; has {
			visit(to)
		}
		ordered = append(ordered, columns[i])
	}
	for i := range columns {
		visit(i)
	}
	return ordered
}
