package classification

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"understudy/bench/figures"
	"understudy/internal/mask"
)

// Tally counts what was found against what is labelled.
type Tally struct {
	Schemas, Columns, Disputed int
	Hits, Missed, False        int // personal and found; personal and not found; found and not personal
	Classes                    map[string]*ClassTally
	Mistakes                   []string // one line each
}

// ClassTally is the same for one class.
type ClassTally struct{ Labelled, Right, Found, FoundRight int }

// Recall is the share of what is personal that was found.
func (t Tally) Recall() float64 { return float64(t.Hits) / float64(t.Hits+t.Missed) }

// Precision is the share of what was found that is personal.
func (t Tally) Precision() float64 { return float64(t.Hits) / float64(t.Hits+t.False) }

// Measure classifies the columns of schemas and counts.
func Measure(schemas []Schema) Tally {
	t := Tally{Schemas: len(schemas), Classes: map[string]*ClassTally{}}
	for _, s := range schemas {
		found := classify(s)
		for _, l := range s.Columns {
			t.add(s.Name, l, found[l.place()])
		}
	}
	return t
}

func (l Labelled) place() string { return strings.Join([]string{l.Table, l.Column, l.Path}, "/") }

// classify gives every column and every path its finding.
func classify(s Schema) map[string]mask.Finding {
	found := map[string]mask.Finding{}
	for table, columns := range s.Tables() {
		for i, finding := range mask.ClassifyTable(columns) {
			l := Labelled{Table: strings.TrimPrefix(table, "public."), Column: columns[i].Name}
			found[l.place()] = finding
			if !finding.Document {
				continue
			}
			for _, p := range mask.ClassifyPaths(columns[i]) {
				l.Path = p.Path
				found[l.place()] = p.Finding
			}
		}
	}
	return found
}

func (t *Tally) add(schema string, l Labelled, finding mask.Finding) {
	t.Columns++
	if l.Disputed {
		t.Disputed++
		return
	}
	label, found := "", short(finding.Class)
	if len(l.Labels) > 0 {
		label = l.Labels[0]
	}
	right := slices.Contains(l.Labels, found)
	t.class(label, func(c *ClassTally) { c.Labelled++; c.Right += one(right) })
	if finding.Class.Personal() {
		t.class(found, func(c *ClassTally) { c.Found++; c.FoundRight += one(right) })
	}
	switch {
	case label != "" && finding.Class.Personal():
		t.Hits++
	case label != "":
		t.Missed++
		t.mistake("missed", schema, l, finding)
	case finding.Class.Personal():
		t.False++
		t.mistake("false", schema, l, finding)
	}
}

func (t *Tally) class(name string, count func(*ClassTally)) {
	if name == "" {
		return
	}
	if t.Classes[name] == nil {
		t.Classes[name] = &ClassTally{}
	}
	count(t.Classes[name])
}

func (t *Tally) mistake(what, schema string, l Labelled, finding mask.Finding) {
	t.Mistakes = append(t.Mistakes, fmt.Sprintf("%s %s %s %s: labelled %s, taken for %s (%s)",
		what, schema, l.place(), l.Type, cmp.Or(strings.Join(l.Labels, "|"), "-"), finding.Class, finding.Reason))
}

func one(is bool) int {
	if is {
		return 1
	}
	return 0
}

// shorts are the classes as labels name them.
func shorts() map[mask.Class]string {
	return map[mask.Class]string{
		mask.ClassEmail: "email", mask.ClassPhone: "phone", mask.ClassName: "name", mask.ClassOrganisation: "org", mask.ClassAddress: "address",
		mask.ClassPostcode: "postcode", mask.ClassCard: "card", mask.ClassIBAN: "iban", mask.ClassNational: "national", mask.ClassBirth: "birth",
		mask.ClassIP: "ip", mask.ClassMAC: "mac", mask.ClassToken: "token", mask.ClassPassword: "password", mask.ClassURL: "url",
		mask.ClassText: "text", mask.ClassLocation: "location", mask.ClassSensitive: "sensitive", mask.ClassPicture: "picture",
	}
}

func short(c mask.Class) string { return cmp.Or(shorts()[c], string(c)) }

// The bars that classification has to clear.
const (
	LeastRecall    = 0.98
	LeastPrecision = 0.90
)

// FirstLook is what was measured of schemas held back, before they were worked on.
type FirstLook struct {
	Schemas, Columns  int
	Recall, Precision float64
}

// FirstLooks are the three rounds of schemas held back, as they were measured in 2026.
func FirstLooks() []FirstLook {
	return []FirstLook{{7, 806, 0.937, 0.914}, {8, 733, 0.926, 0.893}, {4, 284, 0.890, 1}}
}

// Figures are what `make bench-twin` prints: of all schemas, of those held back at first as
// they are now and were then, and of each class.
func Figures() ([]figures.Figure, error) {
	schemas, err := Corpus()
	if err != nil {
		return nil, err
	}
	held := Measure(slices.DeleteFunc(slices.Clone(schemas), func(s Schema) bool { return !s.HeldBack }))
	all := Measure(schemas)
	list := []figures.Figure{
		figures.Alone(fmt.Sprintf("classification: recall, %d columns of %d schemas", all.Columns-all.Disputed, all.Schemas), all.Recall(), "", 0, LeastRecall),
		figures.Alone("classification: precision", all.Precision(), "", 0, LeastPrecision),
		figures.Alone(fmt.Sprintf("classification: recall, %d of them held back at first", held.Columns-held.Disputed), held.Recall(), "", 0, LeastRecall),
		figures.Alone("classification: precision, held back at first", held.Precision(), "", 0, LeastPrecision),
	}
	for _, look := range FirstLooks() {
		list = append(list,
			figures.Alone(fmt.Sprintf("recall at first sight, %d columns of %d schemas", look.Columns, look.Schemas), look.Recall, "recorded", 0, 0),
			figures.Alone("precision at first sight", look.Precision, "recorded", 0, 0))
	}
	for _, name := range slices.Sorted(maps.Keys(all.Classes)) {
		c := all.Classes[name]
		if c.Labelled > 0 {
			list = append(list, figures.Alone(fmt.Sprintf("recall of %s, class exact, %d columns", name, c.Labelled), float64(c.Right)/float64(c.Labelled), "", 0, 0))
		}
		if c.Found > 0 {
			list = append(list, figures.Alone(fmt.Sprintf("precision of %s, class exact, %d found", name, c.Found), float64(c.FoundRight)/float64(c.Found), "", 0, 0))
		}
	}
	return list, nil
}
