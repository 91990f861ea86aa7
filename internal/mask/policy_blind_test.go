package mask

import (
	"strings"
	"testing"

	"understudy"
)

// product is a table that a blind pattern keeps, with a column that came later.
func product(later understudy.Column) []understudy.Column {
	later.Table = "public.product"
	return []understudy.Column{{Table: "public.product", Name: "price", Type: "integer", Samples: []string{"10", "20"}}, later}
}

func TestMasks_RefuseAPersonalColumnThatOnlyAPatternKeepsWithoutNamingIt(t *testing.T) {
	p := mustParse(t, `columns: {public.product.*: keep}`)
	if _, err := p.Masks([]byte(secret))("public.product", product(understudy.Column{Name: "weight", Type: "integer"})); err != nil {
		t.Errorf("a column that is not personal: %v", err)
	}
	columns := product(understudy.Column{Name: "contact_email", Type: "text", Samples: []string{"anna@gmail.com", "ben@web.de"}})
	_, err := p.Masks([]byte(secret))("public.product", columns)
	if understudy.KindOf(err) != understudy.KindRefused || !strings.Contains(err.Error(), "public.product.contact_email: looks like") {
		t.Errorf("a column that came later: %v", err)
	}
	if changes := Diff(columns, p); len(changes) != 1 || !changes[0].Stops() || changes[0].Proposed != "email" {
		t.Errorf("the differences are %+v", changes)
	}
	if text, _ := Plan(columns, p); !strings.Contains(string(text), "public.product.contact_email text: email #") {
		t.Errorf("the plan is\n%s", text)
	}
	named := mustParse(t, `columns: {public.product.*: keep, "*.contact_email": keep}`)
	if _, err := named.Masks([]byte(secret))("public.product", columns); err != nil {
		t.Errorf("a pattern that names the column: %v", err)
	}
}

func TestPolicy_PutsAPatternThatMasksBeforeOneThatKeepsBlindly(t *testing.T) {
	p := mustParse(t, `columns: {public.product.*: keep, "*.note": text, "*.ssn": national}`)
	if said := p.index().of("public.product.note", "text"); said.rule.Mask != "text" {
		t.Errorf("a longer blind pattern won: %+v", said)
	}
	if said := p.index().of("public.product.ssn", "bigint"); said.found {
		t.Errorf("what the mask does not fit is kept: %+v", said)
	}
}

func TestPolicy_TakesAStarBehindAColumnForAPath(t *testing.T) {
	p := mustParse(t, `columns: {public.t.doc.lang: keep, public.t.doc.*: text, 'public.u.doc."first.name"': name}`)
	for _, c := range []struct{ table, document, path string }{{"public.t", `{"lang":"de","deep":{"a":"secret"}}`, "secret"}, {"public.u", `{"first.name":"secret"}`, "secret"}} {
		masks, err := p.Masks([]byte(secret))(c.table, []understudy.Column{{Table: c.table, Name: "doc", Type: "jsonb"}})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := masks.Columns["doc"].Apply([]byte(c.document)); err != nil || strings.Contains(string(got), c.path) {
			t.Errorf("%s became %s (%v)", c.document, got, err)
		}
	}
	if _, err := parse("mask.yaml", []byte(`columns: {"*.t.doc.email": email}`)); understudy.KindOf(err) != understudy.KindInvalid {
		t.Errorf("a pattern with a path: %v", err)
	}
}

func TestPolicy_TakesAQuotedStarForALetter(t *testing.T) {
	column := understudy.Column{Table: "public.t", Name: "a*b", Type: "text"}
	p := mustParse(t, "columns: {'"+keyOf(column).String()+"': keep}")
	if said := p.index().ofColumn(column, nil); said.rule.Mask != "keep" || said.blind {
		t.Errorf("the column is ruled %+v", said)
	}
	if said := p.index().of("public.t.axxb", "text"); said.found {
		t.Errorf("another column is ruled %+v", said)
	}
	if said := mustParse(t, `columns: {"*name": name}`).index().of(`public.t."full name"`, "text"); said.rule.Mask != "name" {
		t.Errorf("a quoted name is ruled %+v", said)
	}
}

func TestMasks_RefuseAPersonalPathThatOnlyAStarKeeps(t *testing.T) {
	columns := []understudy.Column{{Table: "public.t", Name: "doc", Type: "jsonb", Samples: []string{
		`{"lang": "de", "contact": {"email": "anna@gmail.com"}}`, `{"lang": "en", "contact": {"email": "ben@web.de"}}`,
	}}}
	_, err := mustParse(t, `columns: {public.t.doc: {json: {"*": keep}}}`).Masks([]byte(secret))("public.t", columns)
	if understudy.KindOf(err) != understudy.KindRefused || !strings.Contains(err.Error(), "public.t.doc.contact.email: looks like") || strings.Contains(err.Error(), "lang") {
		t.Errorf("a path that came later: %v", err)
	}
	p := mustParse(t, `columns: {public.t.doc: {json: {"*": keep}}}`)
	if changes := Diff(columns, p); len(changes) != 1 || !changes[0].Stops() {
		t.Errorf("the differences are %+v", changes)
	}
	if text, _ := Plan(columns, p); !strings.Contains(string(text), "contact.email: email") {
		t.Errorf("the plan is\n%s", text)
	}
	for _, decided := range []string{
		`columns: {public.t.doc: {json: {"*": keep, contact.email: keep}}}`, `columns: {public.t.doc: {json: {"*": keep, contact: keep}}}`,
		`columns: {public.t.doc: {json: {"*": text}}}`,
	} {
		if _, err := mustParse(t, decided).Masks([]byte(secret))("public.t", columns); err != nil {
			t.Errorf("%s: %v", decided, err)
		}
	}
	list := []understudy.Column{{Table: "public.t", Name: "doc", Type: "jsonb", Samples: []string{`["anna@gmail.com"]`, `["ben@web.de"]`}}}
	if _, err := mustParse(t, `columns: {public.t.doc: {json: {"*": keep}}}`).Masks([]byte(secret))("public.t", list); err != nil {
		t.Errorf("what a star names, in a list: %v", err)
	}
}
