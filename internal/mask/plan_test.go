package mask

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"understudy"
)

func TestPlan_MakesAFileUnderWhichNothingIsRefusedOnceDecided(t *testing.T) {
	columns := append(account(),
		understudy.Column{Table: "public.account", Name: "religion", Type: "text", Samples: []string{"none"}},
		understudy.Column{Table: `public."Odd: Table"`, Name: "phone", Type: "text"},
		understudy.Column{Table: "public.account", Name: "avatar_photo", Type: "bytea"},
	)
	have := mustParse(t, "columns:\n  public.account.born: date # asked the lawyers\n  public.gone.x: keep\n")
	text, undecided := Plan(columns, have)
	if undecided != 2 || strings.Contains(string(text), "anna") {
		t.Errorf("%d undecided in\n%s", undecided, text)
	}
	for _, line := range []string{
		"  public.account.born date: date # asked the lawyers\n", "  public.gone.x: keep\n", "  public.account.email text: email # e-mail address: 2 of 2 samples",
		"  #? public.account.religion text: text # sensitive fact: by its name", "  public.account.profile jsonb: {json: {contact.email: email}} # ",
		"  public.account.id bigint: keep # key: by its name\n",
	} {
		if !strings.Contains(string(text), line) {
			t.Errorf("lacks %q:\n%s", line, text)
		}
	}
	planned := mustParse(t, string(text))
	byTable := map[string][]understudy.Column{}
	for _, c := range columns {
		byTable[c.Table] = append(byTable[c.Table], c)
	}
	masks := planned.Masks([]byte(secret))
	if _, err := masks("public.account", byTable["public.account"]); understudy.KindOf(err) != understudy.KindRefused || !strings.Contains(err.Error(), "2 columns") {
		t.Errorf("undecided columns gave %v", err)
	}
	decided := mustParse(t, strings.ReplaceAll(string(text), "  #? ", "  "))
	for table, columns := range byTable {
		if _, err := decided.Masks([]byte(secret))(table, columns); err != nil {
			t.Errorf("after all was decided: %v", err)
		}
	}
	if again, undecided := Plan(columns, decided); undecided != 0 || !cmp.Equal(mustParse(t, string(again)), decided, cmpopts.IgnoreUnexported(Policy{})) {
		t.Errorf("a second plan differs:\n%s", again)
	}
}

func TestPlan_KeepsThePathsThatAreInForceBesideAnUndecidedOne(t *testing.T) {
	have := mustParse(t, "columns: {public.a.doc: {json: {mail: email}}}")
	text, undecided := Plan([]understudy.Column{{Table: "public.a", Name: "doc", Type: "jsonb", Samples: []string{`{"mail": "a@x.de", "religion": "none"}`}}}, have)
	if undecided != 1 || !cmp.Equal(mustParse(t, string(text)).Columns, map[string]Rule{"public.a.doc jsonb": have.Columns["public.a.doc"]}) {
		t.Errorf("%d undecided in\n%s", undecided, text)
	}
}
