package mask

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"understudy"
)

func TestDiff_NamesWhatIsNewChangedAndGone(t *testing.T) {
	have := mustParse(t, `columns:
  public.a.id integer: keep # key: by its name
  public.a.phone text: phone # telephone number: by its name
  public.a.note text: text
  public.a.doc jsonb: {json: {mail: email}}
  public.a.old text: keep
  public.gone.x: keep
  "*.created_at": keep
`)
	columns := []understudy.Column{
		{Table: "public.a", Name: "id", Type: "bigint", Unique: true},
		{Table: "public.a", Name: "phone", Type: "text"},
		{Table: "public.a", Name: "note", Type: "text"},
		{Table: "public.a", Name: "doc", Type: "jsonb", Samples: []string{`{"mail": "a@x.de", "phone": "+49 151 2345678"}`}},
		{Table: "public.a", Name: "email", Type: "text", Samples: []string{"anna@x.de"}},
		{Table: "public.a", Name: "size", Type: "integer"},
		{Table: "public.a", Name: "created_at", Type: "timestamp with time zone"},
		{Table: "public.a", Name: "lower", Type: "text", Generated: true},
	}
	var got []string
	for _, c := range Diff(columns, have) {
		line := strings.Join([]string{c.Kind, c.Column, c.Was, c.Type, c.Rule, c.Proposed}, "|")
		if c.Open {
			line += "?"
		}
		if c.Stops() != (c.Kind == ChangeNew || c.Kind == ChangeTyped) || strings.Contains(c.Reason, "anna") {
			t.Errorf("found %+v", c)
		}
		got = append(got, line)
	}
	want := []string{
		"changed|public.a.id|integer|bigint|keep|keep?",
		"new|public.a.email||text||email",
		"new|public.a.size||integer||keep",
		"new|public.a.doc.phone||jsonb|{json: {mail: email}}|phone",
		"gone|public.a.old||text|keep|",
		"gone|public.gone.x|||keep|",
	}
	if sorted(got) != sorted(want) {
		t.Errorf("found\n%s", strings.Join(got, "\n"))
	}
}

func sorted(lines []string) string {
	set := map[string]int{}
	for _, l := range lines {
		set[l]++
	}
	return strings.Join(slices.Sorted(maps.Keys(set)), "\n")
}

func TestDiff_NamesAColumnWhoseClassNoLongerFitsItsRule(t *testing.T) {
	c := understudy.Column{Table: "public.a", Name: "x", Type: "text", Samples: []string{"anna@gmail.com", "ben@web.de"}}
	for line, kind := range map[string]string{
		"keep # code: by its name":              ChangeClass, // what the plan took it for it is no more
		"keep":                                  ChangeClass, // nobody wrote why
		"keep # our own mailing lists":          "",
		"keep # e-mail address: by its name":    "", // somebody saw what it is
		"phone # telephone number: by its name": ChangeClass,
		"email # telephone number: by its name": "",
		"text":                                  "",
	} {
		changes := Diff([]understudy.Column{c}, mustParse(t, "columns:\n  public.a.x text: "+line+"\n"))
		found := ""
		if len(changes) > 0 {
			found = changes[0].Kind
		}
		if found != kind {
			t.Errorf("%q gives %q, expected %q: %+v", line, found, kind, changes)
		}
	}
}

func TestDiff_FindsNothingAfterAPlanWasDecided(t *testing.T) {
	text, _ := Plan(account(), Policy{})
	decided := mustParse(t, strings.ReplaceAll(string(text), "  #? ", "  "))
	if changes := Diff(account(), decided); len(changes) > 0 {
		t.Errorf("found %+v", changes)
	}
}

func TestPlan_KeepsOrderAndCommentsAndPutsAChangedColumnBesideItsRule(t *testing.T) {
	have := mustParse(t, `columns:
  # what signs in
  "*_token": token
  "*.email": email
  # asked the lawyers
  public.a.id integer: keep # first key
  #? public.a.x text: keep # stale
`)
	text, undecided := Plan([]understudy.Column{{Table: "public.a", Name: "id", Type: "bigint"}}, have)
	want := `  # what signs in
  '*_token': token
  '*.email': email

  # asked the lawyers
  public.a.id integer: keep # first key
  #? public.a.id bigint: keep # was integer; key: by its name
`
	if undecided != 1 || !strings.HasSuffix(string(text), want) {
		t.Errorf("%d undecided in\n%s", undecided, text)
	}
}
