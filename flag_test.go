package understudy_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"understudy"
)

// flagged is an application with a boolean flag, one of several variants, one with a rule and
// one that is disabled.
func flagged(t *testing.T, boolean string) understudy.Application {
	t.Helper()
	return understudy.Application{Flags: &understudy.Flags{File: "flags.json", Definition: []byte(`{"flags": {
		"cart": ` + boolean + `,
		"grid": {"state": "ENABLED", "variants": {"two": 2, "three": 3}, "defaultVariant": "two", "metadata": {"off": "two"}},
		"ruled": {"state": "ENABLED", "variants": {"yes": true, "no": false}, "defaultVariant": "no", "targeting": {"if": [true, "yes"]}},
		"gone": {"state": "DISABLED", "variants": {"a": "x", "b": "y"}}
	}}`)}}
}

const cartOn = `{"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "on", "targeting": {}}`

func TestFlags_AreReadWithTheVariantThatTurnsThemOff(t *testing.T) {
	var got []string
	for _, f := range flagged(t, cartOn).Declared() {
		got = append(got, f.Key+" off="+f.Off)
		if f.Targeted != (f.Key == "ruled") || f.Disabled != (f.Key == "gone") {
			t.Errorf("%+v", f)
		}
	}
	if want := []string{"cart off=off", "gone off=", "grid off=two", "ruled off=no"}; !slices.Equal(got, want) {
		t.Errorf("declared %q, want %q", got, want)
	}
	if none := (understudy.Application{}).Declared(); none != nil {
		t.Errorf("without flags: %+v", none)
	}
}

func TestFlags_ValuesAreWhatEverybodyGets(t *testing.T) {
	app := flagged(t, cartOn)
	for _, c := range []struct {
		claim   string
		set     understudy.FlagValues
		want    understudy.FlagValues
		ignored []string
	}{
		{"as declared", nil, understudy.FlagValues{"cart": "on", "grid": "two", "ruled": "", "gone": ""}, nil},
		{"set, rules and the disabled too", understudy.FlagValues{"cart": "off", "ruled": "yes", "gone": "b"},
			understudy.FlagValues{"cart": "off", "grid": "two", "ruled": "yes", "gone": "b"}, nil},
		{"set to what is not there", understudy.FlagValues{"cart": "purple", "other": "on"},
			understudy.FlagValues{"cart": "on", "grid": "two", "ruled": "", "gone": ""}, []string{"cart", "other"}},
	} {
		values, ignored := app.Values(c.set)
		if diff := cmp.Diff(c.want, values); diff != "" || !slices.Equal(ignored, c.ignored) {
			t.Errorf("%s: ignored %v:\n%s", c.claim, ignored, diff)
		}
	}
}

func TestFlagState_EachChangeIsAVersionAndLeavesTheOneBefore(t *testing.T) {
	var none understudy.FlagState
	first := none.Change("cart", understudy.FlagSetting{Variant: "off", By: "ann"})
	second := first.Change("cart", understudy.FlagSetting{By: "ben"})
	if none.Version != 0 || first.Version != 1 || first.Variants()["cart"] != "off" || second.Version != 2 || len(second.Set) != 0 || len(first.Set) != 1 {
		t.Errorf("%+v, %+v, %+v", none, first, second)
	}
}

func TestFlagValues_DigestIsOfWhatIsDeclaredAndSet(t *testing.T) {
	declared := understudy.DigestOf([]byte("flags"))
	seen := map[understudy.Digest]bool{}
	for _, v := range []understudy.FlagValues{nil, {"a": "on"}, {"a": "off"}} {
		digest, err := v.Digest(declared)
		if err != nil || seen[digest] {
			t.Errorf("of %v: %s again, %v", v, digest, err)
		}
		seen[digest] = true
	}
	if digest, err := (understudy.FlagValues{}).Digest(""); err != nil || digest != "" {
		t.Errorf("of nothing at all: %q, %v", digest, err)
	}
}

func TestDiffReleases_ListsFlags(t *testing.T) {
	before, after := understudy.Release{Application: flagged(t, cartOn)}, understudy.Release{Application: flagged(t, `{"state": "DISABLED", "variants": {"on": true}}`)}
	if got := understudy.DiffReleases(before, after); len(got) != 1 || got[0] != (understudy.ReleaseDifference{What: "flag", Name: "cart", Change: "changed"}) {
		t.Errorf("%+v", got)
	}
	if got := understudy.DiffReleases(understudy.Release{}, before); len(got) != 4 {
		t.Errorf("%+v", got)
	}
}

func TestGate_LetsProductionsFlagsMoveToACombinationThatPassed(t *testing.T) {
	gate, statement := permitted()
	gate.Release.Application = flagged(t, cartOn)
	statement.FlagRows = []understudy.FlagValues{{"cart": "off", "grid": "two", "ruled": "", "gone": ""}}
	for moved, says := range map[string]string{"off": "", "on": "production has moved since the rehearsal: flag cart was as declared, is on"} {
		now := gate
		now.Production.FlagSet, now.Production.Flags = understudy.FlagValues{"cart": moved}, digest("moved to "+moved)
		var got string
		for _, why := range now.Refusals(statement) {
			got += why
		}
		if got != says {
			t.Errorf("moved to %s: %q, want %q", moved, got, says)
		}
	}
	gate.Production.Config = "another"
	gate.Production.FlagSet = understudy.FlagValues{"cart": "off"}
	if len(gate.Refusals(statement)) == 0 {
		t.Error("a combination that passed excuses more than flags")
	}
}
