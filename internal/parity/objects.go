package parity

import (
	"strings"

	"understudy"
)

// object is one line of a schema.
type object struct {
	kind string
	rest string // what it is called, without the kind's word: "public.orders.total"
	is   string
}

// objects compares two schemas. What is missing because the table, type or schema that it
// belongs to is missing is no gap of its own: one cause is one gap.
func (m *meter) objects(database string, a, b map[string]string) {
	if m.blind[understudy.GapSchema] {
		return
	}
	onlyA, onlyB := only(a, b), only(b, a)
	gone, added := containers(onlyA), containers(onlyB)
	for _, name := range keys(a, b) {
		was, had := a[name]
		is, has := b[name]
		o := objectOf(name, was+is)
		switch {
		case m.blind[o.kind], had && !has && o.isOf(gone), has && !had && o.isOf(added):
		case had && has && was == is:
			m.same(o.kind)
		default:
			m.gap(o.kind, strings.TrimSpace(database+" "+o.rest), shownAs(was, had), shownAs(is, has), o.apart(), m.ownObject(name, had, has))
		}
	}
}

// ownObject is why an object may not be on a twin: a secret stays where it is.
func (m *meter) ownObject(name string, had, has bool) string {
	lacks := !has
	if m.a.TwinOf != "" && m.a.TwinOf == m.b.Environment {
		lacks = !had
	}
	if lacks && understudy.SecretSettingOf(name) {
		return m.because("a secret by its name: it stays in production")
	}
	return ""
}

// apart is how far two objects are apart that are not the same. Two machines seldom have the
// same version of the library that sorts a database; what sorts otherwise than its indexes
// were built is another matter.
func (o object) apart() float64 {
	if o.kind == understudy.GapCollation && o.rest == "of the database" && !strings.Contains(o.is, "built with") {
		return 0.4
	}
	return 1
}

// shownAs is a definition, or a word where what is there has none, as a plain comment.
func shownAs(definition string, there bool) string {
	if there && definition == "" {
		return "there"
	}
	return definition
}

func only(a, b map[string]string) []object {
	var out []object
	for name, is := range a {
		if _, both := b[name]; !both {
			out = append(out, objectOf(name, is))
		}
	}
	return out
}

// words are how lines begin, with the kinds that they tell of; longer ones first.
func words() [][2]string {
	return [][2]string{
		{"owner of ", understudy.GapOwner}, {"grant on ", understudy.GapGrant}, {"default grant ", understudy.GapGrant}, {"comment on ", understudy.GapComment},
		{"materialized view ", understudy.GapView}, {"view ", understudy.GapView}, {"table ", understudy.GapTable}, {"column ", understudy.GapColumn},
		{"constraint ", understudy.GapConstraint}, {"index ", understudy.GapIndex}, {"statistics ", understudy.GapStatistics}, {"sequence ", understudy.GapSequence},
		{"function ", understudy.GapFunction}, {"procedure ", understudy.GapFunction}, {"aggregate ", understudy.GapFunction},
		{"event trigger ", understudy.GapTrigger}, {"trigger ", understudy.GapTrigger}, {"rule ", understudy.GapRule}, {"policy ", understudy.GapPolicy},
		{"type ", understudy.GapType}, {"collation ", understudy.GapCollation}, {"schema ", understudy.GapSchema}, {"server ", understudy.GapForeign},
		{"publication ", understudy.GapPublication}, {"extension ", understudy.GapExtension}, {"setting ", understudy.GapSetting}, {"role ", understudy.GapSetting},
		{"database", understudy.GapDatabase},
	}
}

// objectOf reads how a line begins. Words that say more than the kind stay in the name.
func objectOf(name, is string) object {
	for _, word := range words() {
		rest, found := strings.CutPrefix(name, word[0])
		switch {
		case !found:
		case strings.TrimSpace(word[0]) == word[1], word[1] == understudy.GapOwner, word[1] == understudy.GapComment, strings.HasPrefix(word[0], "grant"), word[1] == understudy.GapForeign:
			return object{word[1], rest, is}
		default:
			return object{word[1], name, is}
		}
	}
	return object{understudy.GapSchema, name, is}
}
