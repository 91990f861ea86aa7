package understudy_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"understudy"
)

func TestReferences_AreFoundInOrder(t *testing.T) {
	got := understudy.References("a ${ONE} $$ $${NOT} ${TWO:-two} ${THREE-} ${FOUR:?what for} $FIVE ${} ${6}")
	want := []understudy.Reference{
		{Key: "ONE"},
		{Key: "TWO", Default: "two", Optional: true},
		{Key: "THREE", Optional: true},
		{Key: "FOUR", About: "what for"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestExpand(t *testing.T) {
	held := map[string]string{"SET": "value", "EMPTY": "", "TRICK": "${SET} $$"}
	lookup := func(key string) (string, bool) { v, found := held[key]; return v, found }
	for _, c := range []struct {
		claim, text, want string
		missing           []string
	}{
		{"a value", "x ${SET} y", "x value y", nil},
		{"a default that is not needed", "${SET:-other}", "value", nil},
		{"a default", "${NONE:-other}", "other", nil},
		{"an empty default", "[${NONE:-}]", "[]", nil},
		{"an empty value counts as missing where there is a default", "${EMPTY:-other}", "other", nil},
		{"an empty value is a value where there is none", "[${EMPTY}]", "[]", nil},
		{"missing leaves nothing", "[${NONE}]", "[]", []string{"NONE"}},
		{"missing, with what it is for", "[${NONE:?for mail}]", "[]", []string{"NONE"}},
		{"two missing, in order", "${B}${A}", "", []string{"B", "A"}},
		{"a dollar sign", "$$ $${SET} $SET", "$ ${SET} $SET", nil},
		{"values are not expanded again", "${TRICK}", "${SET} $$", nil},
	} {
		got, missing := understudy.Expand(c.text, lookup)
		if got != c.want || !cmp.Equal(missing, c.missing) {
			t.Errorf("%s: %q gives %q missing %v, want %q missing %v", c.claim, c.text, got, missing, c.want, c.missing)
		}
	}
}

func TestNeeds_IsWhatTheApplicationCannotRunWithout(t *testing.T) {
	app := understudy.Application{
		Databases: []understudy.Database{{Name: "shop", Env: "DATABASE_URL"}},
		Config: []understudy.ConfigKey{
			{Key: "REQUIRED", Required: true, About: "declared"},
			{Key: "DEFAULTED", Required: true, Default: "x"},
			{Key: "OPTIONAL"},
			{Key: "REFERRED", Secret: true},
			{Key: "DATABASE_URL", Required: true},
		},
		Services: []understudy.Service{{Name: "web", Env: map[string]string{
			"A": "${REFERRED}", "B": "${UNDECLARED:?for mail}", "C": "${OPTIONAL:-x}", "D": "${PORT} ${DATABASE_URL}", "E": "${DEFAULTED}",
		}}},
	}
	want := []understudy.ConfigKey{
		{Key: "REFERRED", Required: true, Secret: true},
		{Key: "REQUIRED", Required: true, About: "declared"},
		{Key: "UNDECLARED", Required: true, About: "for mail"},
	}
	if diff := cmp.Diff(want, app.Needs()); diff != "" {
		t.Error(diff)
	}
}

func TestNeeds_KeepsWhatAKeyIsForWhereverItIsSaid(t *testing.T) {
	app := understudy.Application{Services: []understudy.Service{{Name: "web", Env: map[string]string{
		"A": "${KEY}", "B": "${KEY:?for mail}", "C": "${KEY}", "D": "${KEY:?for something else}",
	}}}}
	for range 50 { // the order of a map changes nothing
		if needs := app.Needs(); len(needs) != 1 || needs[0].About != "for mail" {
			t.Fatalf("needs %+v, want KEY for mail", needs)
		}
	}
}

func TestApplication_ValidateNamesTheFirstThing(t *testing.T) {
	for _, c := range []struct {
		claim string
		spoil func(a *understudy.Application)
		want  string
	}{
		{"no name", func(a *understudy.Application) { a.Name = "" }, "an application needs a name"},
		{"no services", func(a *understudy.Application) { a.Services = nil }, "application shop has no services"},
		{"a database twice", func(a *understudy.Application) { a.Databases = append(a.Databases, a.Databases[0]) }, "database shop is declared twice"},
		{"a service twice", func(a *understudy.Application) { a.Services = append(a.Services, a.Services[0]) }, "service web is declared twice"},
		{"no command", func(a *understudy.Application) { a.Services[0].Command = nil }, "service web has no command"},
		{"a route without a port", func(a *understudy.Application) { a.Services[0].Port = 0 }, "service web has route / but no port"},
		{"a need that is nowhere", func(a *understudy.Application) { a.Services[0].Needs = []string{"redis"} }, "service web needs redis, which is neither a service nor a database"},
		{"a circle", func(a *understudy.Application) { a.Services[0].Needs = []string{"web"} }, "services need each other in a circle: web → web"},
	} {
		app := shop()
		c.spoil(&app)
		if err := app.Validate(); understudy.KindOf(err) != understudy.KindInvalid || err.Error() != c.want {
			t.Errorf("%s: %v, want %s", c.claim, err, c.want)
		}
	}
	app := shop()
	app.Services[0].Needs = []string{"shop"}
	if err := app.Validate(); err != nil {
		t.Errorf("a sound application: %v", err)
	}
}

func TestStartOrder_PutsEachAfterWhatItNeeds(t *testing.T) {
	service := func(name string, needs ...string) understudy.Service {
		return understudy.Service{Name: name, Needs: needs}
	}
	app := understudy.Application{Services: []understudy.Service{
		service("web", "api", "database"), service("alone"), service("api", "queue"), service("queue"),
	}}
	order, err := app.StartOrder()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range order {
		names = append(names, s.Name)
	}
	if want := []string{"queue", "api", "web", "alone"}; !cmp.Equal(names, want) {
		t.Errorf("order %v, want %v", names, want)
	}
	app.Services[3].Needs = []string{"web"}
	_, err = app.StartOrder()
	if want := "services need each other in a circle: web → api → queue → web"; err == nil || err.Error() != want {
		t.Errorf("a circle: %v, want %s", err, want)
	}
}
func TestApplication_RefusesADatabaseCalledAsACopyOnATwin(t *testing.T) {
	for _, name := range []string{"main_side", "main_golden_1"} {
		a := understudy.Application{
			Name: "shop", Services: []understudy.Service{{Name: "web", Command: []string{"web"}}},
			Databases: []understudy.Database{{Name: name, Env: "DATABASE_URL"}},
		}
		if err := a.Validate(); understudy.KindOf(err) != understudy.KindInvalid {
			t.Errorf("a database called %s is taken: %v", name, err)
		}
	}
}
