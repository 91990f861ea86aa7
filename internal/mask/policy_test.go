package mask

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"understudy"
)

func mustParse(t *testing.T, text string) Policy {
	t.Helper()
	p, err := parse("mask.yaml", []byte(text))
	if err != nil {
		t.Fatalf("%v (%s)", err, understudy.HintOf(err))
	}
	return p
}

const example = `
columns:
  public.account.email: email          # they log in by it
  public.account.born: date
  public.session.token: token
  public.account.gone: null
  public.account.country: {constant: DE}
  public.account.profile: {json: {contact.email: email, "*": text}}
  public.event.payload.user.email: email
  public.product.title: keep
  "*.password_hash": password
`

func TestLoad_ReadsEveryForm(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mask.yaml")
	if err := os.WriteFile(path, []byte(example), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]Rule{
		"public.account.email": {Mask: "email"}, "public.account.born": {Mask: "date"}, "public.session.token": {Mask: "token"},
		"public.account.gone": {Mask: "null"}, "public.account.country": {Mask: "constant", Constant: "DE"},
		"public.account.profile":          {Mask: "json", JSON: map[string]Rule{"contact.email": {Mask: "email"}, "*": {Mask: "text"}}},
		"public.event.payload.user.email": {Mask: "email"}, "public.product.title": {Mask: "keep"}, "*.password_hash": {Mask: "password"},
	}
	if diff := cmp.Diff(want, p.Columns); diff != "" {
		t.Error(diff)
	}
}

func TestLoad_TakesAMissingFileForAnEmptyPolicy(t *testing.T) {
	p, err := Load(filepath.Join(t.TempDir(), "mask.yaml"))
	if err != nil || len(p.Columns) != 0 || p.Digest() != (Policy{}).Digest() {
		t.Errorf("found %v, %v", p, err)
	}
	for _, empty := range []string{"", "# nothing yet\n", "columns:\n", "columns: {}\n", "columns:\n  #? a.b.c: text\n"} {
		if got := mustParse(t, empty); len(got.Columns) != 0 {
			t.Errorf("%q holds %v", empty, got)
		}
	}
}

func TestLoad_NamesTheLineAndTheNearestMask(t *testing.T) {
	for text, want := range map[string][2]string{
		"columns:\n  a.b.c: emial\n":                    {`mask.yaml:2: unknown mask "emial" for a.b.c`, "did you mean email?"},
		"columns:\n\n  a.b.c: {json: {x.y: fone}}\n":    {`mask.yaml:3: unknown mask "fone" for a.b.c.x.y`, "did you mean phone?"},
		"columns:\n  a.b.c: scramblefish\n":             {`mask.yaml:2: unknown mask "scramblefish"`, "masks: keep, null"},
		"columns:\n  a.b.c: email\n  a.b.c: keep\n":     {"mask.yaml:3: column a.b.c has a rule already", ""},
		"colums:\n  a.b.c: email\n":                     {`mask.yaml:1: unknown key "colums"`, "the keys are columns:, leaks: and groups:"},
		"columns:\n  email: email\n":                    {`mask.yaml:2: column "email" is not written as schema.table.column`, `"*.email"`},
		"columns:\n  a.b.c: constant\n":                 {"mask.yaml:2: a constant needs its value", ""},
		"columns:\n  a.b.c: json\n":                     {"mask.yaml:2: json needs its paths", ""},
		"columns:\n  a.b.c:\n":                          {"mask.yaml:2: column a.b.c has no rule behind its name", "masks: keep"},
		"columns:\n  a.b.c: [email]\n":                  {"mask.yaml:2: the rule of a.b.c", ""},
		"columns:\n  a.b.c: {constant: [1]}\n":          {"mask.yaml:2: the rule of a.b.c", ""},
		"columns: [a]\n":                                {"mask.yaml:1: expected one rule a line", ""},
		"- a\n":                                         {"mask.yaml:1: expected columns:", ""},
		"columns:\n  a.b.c: email\n bad: [\n":           {"reading mask.yaml: yaml: line ", ""},
		"columns:\n  a.b.c: {json: {x: y, z: email}}\n": {`mask.yaml:2: unknown mask "y"`, ""},
	} {
		_, err := parse("mask.yaml", []byte(text))
		if understudy.KindOf(err) != understudy.KindInvalid || !strings.Contains(err.Error(), want[0]) || !strings.Contains(understudy.HintOf(err), want[1]) {
			t.Errorf("%q gives %v (%s), expected %s (%s)", text, err, understudy.HintOf(err), want[0], want[1])
		}
	}
}

func TestDigest_IsOfTheRulesAndNotOfTheFile(t *testing.T) {
	a := mustParse(t, "columns: {a.b.c: email, a.b.d: {json: {x: text}}} # one\n")
	b := mustParse(t, "columns:\n  a.b.d:\n    json:\n      x: text\n  a.b.c: email\n")
	c := mustParse(t, "columns: {a.b.c: email, a.b.d: {json: {x: keep}}}\n")
	if a.Digest() != b.Digest() || a.Digest() == c.Digest() {
		t.Errorf("digests are %s, %s, %s", a.Digest(), b.Digest(), c.Digest())
	}
}

func TestPolicy_PrefersTheNameOverPatternsAndTheLongerPattern(t *testing.T) {
	p := mustParse(t, `columns: {"*.email": email, "billing.*.email": hash, public.a.email: keep, "*.*_token": token, '*."odd.name"': text}`)
	for column, want := range map[string]string{
		"public.a.email": "keep", "public.b.email": "email", "billing.x.email": "hash", "public.s.access_token": "token",
		`public."My Table".email`: "email", `public.t."odd.name"`: "text", "public.s.email2": "", "public.s.token": "",
	} {
		if rule := p.index().of(column, "text").rule; rule.Mask != want {
			t.Errorf("%s is ruled %q, expected %q", column, rule.Mask, want)
		}
	}
	if rule := mustParse(t, example).index().of("public.event.payload", "jsonb").rule; !cmp.Equal(rule, Rule{Mask: "json", JSON: map[string]Rule{"user.email": {Mask: "email"}}}) {
		t.Errorf("a path ruled by itself gives %v", rule)
	}
}

func TestPolicy_RemembersTheTypeThatARuleWasMadeFor(t *testing.T) {
	p := mustParse(t, `columns:
  public.a.id integer: keep
  public.a.id bigint: number
  public.a.name varchar(50): name
  public.a.any: text
  '"public"."A b"."c d" text': token
  "*.id uuid": token
  "*.id": keep
`)
	for _, c := range []struct{ column, typed, want string }{
		{"public.a.id", "integer", "keep"}, {"public.a.id", "bigint", "number"}, {"public.a.id", "uuid", ""},
		{"public.a.name", "character varying(50)", "name"}, {"public.a.name", "text", ""}, {"public.a.any", "integer", "text"},
		{"public.b.id", "uuid", "token"}, {"public.b.id", "bigint", "keep"}, {`"public"."A b"."c d"`, "text", "token"},
	} {
		if said := p.index().of(c.column, c.typed); said.rule.Mask != c.want || said.found != (c.want != "") {
			t.Errorf("%s %s is ruled %+v, expected %q", c.column, c.typed, said, c.want)
		}
	}
	if others := p.index().of("public.a.id", "uuid").others; !slices.Equal(others, []string{"bigint", "integer"}) {
		t.Errorf("the types that are ruled are %v", others)
	}
}

func account() []understudy.Column {
	const table = "public.account"
	return []understudy.Column{
		{Table: table, Name: "id", Type: "bigint", Unique: true, Samples: []string{"1", "2"}},
		{Table: table, Name: "email", Type: "text", Unique: true, Samples: []string{"anna@gmail.com", "ben@web.de"}},
		{Table: table, Name: "born", Type: "date", Nullable: true},
		{Table: table, Name: "profile", Type: "jsonb", Samples: []string{`{"contact": {"email": "anna@x.de"}, "lang": "de"}`}},
		{Table: table, Name: "country", Type: "character(2)", Samples: []string{"DE"}},
		{Table: table, Name: "email_lower", Type: "text", Generated: true},
	}
}

func TestMasks_RefuseATableAndNameEveryColumnWithoutARule(t *testing.T) {
	_, err := Policy{}.Masks([]byte(secret))("public.account", account())
	if understudy.KindOf(err) != understudy.KindRefused || !strings.Contains(understudy.HintOf(err), "understudy mask plan") {
		t.Fatalf("found %v (%s)", err, understudy.HintOf(err))
	}
	for _, part := range []string{
		"public.account", "5 columns are not decided", "public.account.email: looks like e-mail address (2 of 2 samples are such)",
		"public.account.born: looks like date of birth (by its name)", "public.account.profile: looks like document with personal data (its path contact.email",
		"public.account.id: has no rule, and does not look personal", "public.account.country: has no rule",
	} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q lacks %q", err, part)
		}
	}
	for _, part := range []string{"anna", "gmail", "email_lower"} {
		if strings.Contains(err.Error(), part) {
			t.Errorf("%q has %q", err, part)
		}
	}
}

func TestMasks_RefuseAColumnWhoseTypeHasChanged(t *testing.T) {
	p := mustParse(t, "columns: {public.t.a integer: keep}")
	c := understudy.Column{Table: "public.t", Name: "a", Type: "text"}
	_, err := p.Masks([]byte(secret))("public.t", []understudy.Column{c})
	if understudy.KindOf(err) != understudy.KindRefused || !strings.Contains(err.Error(), "public.t.a: is text now, and its rule was made for integer") {
		t.Errorf("found %v", err)
	}
	c.Type = "integer"
	if _, err := p.Masks([]byte(secret))("public.t", []understudy.Column{c}); err != nil {
		t.Error(err)
	}
}

func TestMasks_CoverExactlyTheRuledColumns(t *testing.T) {
	p := mustParse(t, `columns: {public.account.id: keep, public.account.email: email, public.account.born: date, public.account.profile.contact.email: email, public.account.country: keep}`)
	masks, err := p.Masks([]byte(secret))("public.account", account())
	if err != nil {
		t.Fatal(err)
	}
	if got := slices.Sorted(maps.Keys(masks.Columns)); !slices.Equal(got, []string{"born", "email", "profile"}) {
		t.Fatalf("masked are %v", got)
	}
	column, _ := masks.Columns["email"].Apply([]byte("anna@x.de"))
	document, _ := masks.Columns["profile"].Apply([]byte(`{"contact": {"email": "anna@x.de"}}`))
	if !bytes.Contains(document, column) {
		t.Errorf("%s in a column is another one in a document: %s", column, document)
	}
}

func TestMasks_RefuseAPathThatIsNotRuled(t *testing.T) {
	p := mustParse(t, `columns: {public.account.email: email, public.account.born: date, public.account.profile: {json: {lang: keep}}}`)
	_, err := p.Masks([]byte(secret))("public.account", account())
	if understudy.KindOf(err) != understudy.KindRefused || !strings.Contains(err.Error(), "public.account.profile.contact.email") {
		t.Errorf("found %v", err)
	}
}

func TestMasks_RefuseRulesThatCannotWork(t *testing.T) {
	for rule, c := range map[string]understudy.Column{
		"null":          {Name: "a", Type: "text"},
		"email":         {Name: "a", Type: "integer"},
		"date":          {Name: "a", Type: "uuid"},
		"ip":            {Name: "a", Type: "bytea"},
		"password":      {Name: "a", Type: "text", Unique: true},
		"{constant: x}": {Name: "a", Type: "text", Unique: true},
		"text":          {Name: "a", Type: "text", References: "public.other.kept"},
		"number":        {Name: "a", Type: "boolean"},
	} {
		c.Table = "public.t"
		p := mustParse(t, "columns: {public.t.a: "+rule+"}")
		if _, err := p.Masks([]byte(secret))("public.t", []understudy.Column{c}); understudy.KindOf(err) != understudy.KindInvalid || !strings.Contains(err.Error(), "public.t.a") {
			t.Errorf("%s on %+v gives %v", rule, c, err)
		}
	}
}

func TestPlan_GivesAForeignKeyTheRuleOfWhatItRefersTo(t *testing.T) {
	columns := []understudy.Column{
		{Table: "public.a_order", Name: "buyer", Type: "text", References: "public.account.email", Samples: []string{"anna@x.de"}},
		{Table: "public.account", Name: "email", Type: "text", Unique: true, Samples: []string{"anna@x.de"}},
	}
	text, undecided := Plan(columns, Policy{})
	if undecided != 0 || !strings.Contains(string(text), "public.a_order.buyer text: email # as public.account.email, which it refers to") {
		t.Fatalf("%d undecided in\n%s", undecided, text)
	}
	masks, err := mustParse(t, string(text)).Masks([]byte(secret))("public.a_order", columns[:1])
	if err != nil || masks.Columns["buyer"].Apply == nil {
		t.Fatalf("found %v, %v", masks, err)
	}
	if got, _ := masks.Columns["buyer"].Apply([]byte("anna@x.de")); string(got) != maskFor(t, "email", "text")("anna@x.de") {
		t.Errorf("became %s", got)
	}
}

func TestMasks_NeedAKey(t *testing.T) {
	if _, err := (Policy{}).Masks(nil)("public.account", nil); understudy.KindOf(err) != understudy.KindInvalid {
		t.Errorf("found %v", err)
	}
}

func TestMatchesPart_TakesAStarForAnything(t *testing.T) {
	for _, c := range []struct {
		pattern, part string
		want          bool
	}{{"*", "a", true}, {"a*", "abc", true}, {"*c", "abc", true}, {"a*c", "abc", true}, {"a*b*c", "axxbyyc", true}, {"a*c", "ab", false}, {"aba*aba", "aba", false}, {"email", "emails", false}} {
		if got := matchesPart(c.pattern, c.part); got != c.want {
			t.Errorf("%s against %s is %v", c.pattern, c.part, got)
		}
	}
}

func TestPolicy_HoldsAPatternOnlyAgainstTypesThatItsMaskFits(t *testing.T) {
	p := mustParse(t, `columns: {"public.a.*_url": url}`)
	if said := p.index().of("public.a.only_url", "boolean"); said.found {
		t.Errorf("a truth value is ruled %+v", said)
	}
	if said := p.index().of("public.a.home_url", "text"); said.rule.Mask != "url" {
		t.Errorf("a link is ruled %+v", said)
	}
}
