package featureflag

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"understudy"
)

// flagWith is a definition with one flag named f, of whose fields the given ones are replaced.
func flagWith(fields string) string {
	return `{"flags":{"f":{"state":"ENABLED","variants":{"on":true,"off":false},"defaultVariant":"off"` + fields + `}}}`
}

func ruled(rule string) string { return flagWith(`,"targeting":` + rule) }

func TestADefinitionIsRefusedWithWhereItIsWrong(t *testing.T) {
	one := func(flag string) string { return `{"flags":{"f":` + flag + `}}` }
	for definition, expected := range map[string]string{
		`{`:               "a flag definition is JSON: at byte",
		`{} {}`:           "expected one JSON value",
		`[]`:              `a flag definition is a JSON object with "flags", found an array`,
		`{"flags":7}`:     "flags: expected the flags, as an object or as a list, found a number",
		`{"metadata":{}}`: "flags: expected the flags, as an object or as a list, found null",
		`{"flags":{"":{"state":"ENABLED","variants":{"a":1}}}}`: "flags: a flag's key must not be empty",
		`{"flags":{"f":1}}`: "flags.f: a flag is an object, found a number",
		`{"flags":[{"state":"ENABLED","variants":{"a":1}}]}`:                                                            "flags.0: a flag in a list says its key",
		`{"flags":[{"key":"a","state":"ENABLED","variants":{"a":1}},{"key":"a","state":"ENABLED","variants":{"a":1}}]}`: `flags.1: the flag "a" stands twice`,
		`{"flags":{},"flags":{}}`:                                          `the definition: the key "flags" stands twice`,
		`{"flags":{"f":{"state":"ENABLED","variants":{"a":1e999}}}}`:       "flags.f.variants.a: the number 1e999… is out of range",
		`{"flags":{},"metadata":{"a":{}}}`:                                 "metadata.a: metadata is a string, a number or a boolean, found an object",
		`{"flags":{},"metadata":null}`:                                     "metadata: expected an object, found null",
		`{"flags":{},"$evaluators":[]}`:                                    "$evaluators: expected an object of shared rules, found an array",
		`{"flags":{},"$evaluators":{"a":{"nope":[1]}}}`:                    `$evaluators.a.nope: flagd has no operator "nope"`,
		`{"flags":{},"$evaluators":{"a":{"!":{"$ref":"a"}}}}`:              `$evaluators.a: the shared rule "a" needs itself`,
		one(`{"state":"on","variants":{"a":1}}`):                           `flags.f.state: expected "ENABLED" or "DISABLED"`,
		one(`{"state":"ENABLED"}`):                                         "flags.f.variants: expected an object with at least one variant",
		one(`{"state":"ENABLED","variants":{}}`):                           "flags.f.variants: expected an object with at least one variant",
		one(`{"state":"ENABLED","variants":{"a":null}}`):                   "flags.f.variants.a: a value is a boolean, a string, a number or an object, found null",
		one(`{"state":"ENABLED","variants":{"a":1,"b":"1"}}`):              "flags.f.variants: all values have one type, found [number string]",
		one(`{"state":"ENABLED","variants":{"a":1},"defaultVariant":"b"}`): `flags.f.defaultVariant: there is no variant "b"`,
		one(`{"state":"ENABLED","variants":{"a":1},"defaultVariant":1}`):   "flags.f.defaultVariant: expected the name of a variant, or null, found a number",
		flagWith(`,"metadata":{"a":[1]}`):                                  "flags.f.metadata.a: metadata is a string, a number or a boolean, found an array",
		flagWith(`,"metadata":{"off":"none"}`):                             `flags.f.metadata.off: there is no variant "none"`,
		flagWith(`,"metadata":{"requires":"g, h"}`):                        `flags.f.metadata.requires: there is no flag "g"`,
		flagWith(`,"metadata":{"excludes":"f"}`):                           "flags.f.metadata.excludes: the flag names itself",
		ruled(`"on"`):                                                      "flags.f.targeting: a rule is an object, found a string",
		ruled(`{"if":[{"nope":[1,2]},"on"]}`):                              `flags.f.targeting.if.0.nope: flagd has no operator "nope"`,
		ruled(`{"in":["a",[{"nope":[1,2]}]]}`):                             `flags.f.targeting: there is no operator "nope"`, // in a list, where the schema does not look
		ruled(`{"==":[1,2],"!=":[1,2]}`):                                   "flags.f.targeting: an operation is an object with one key, its operator, found [!= ==]",
		ruled(`{"==":[1]}`):                                                "flags.f.targeting.==: expected a list of 2 operands, found 1",
		ruled(`{"<":[1,2,3,4]}`):                                           "flags.f.targeting.<: expected a list of 2 or 3 operands, found 4",
		ruled(`{"and":true}`):                                              "flags.f.targeting.and: expected a list of at least 1 operands, found a boolean",
		ruled(`{"var":"$flagd.other"}`):                                    `flags.f.targeting.var: flagd adds $flagd.timestamp and $flagd.flagKey, found "$flagd.other"`,
		ruled(`{"missing":[1]}`):                                           "flags.f.targeting.missing: expected a list of paths",
		ruled(`{"missing_some":["1",["a"]]}`):                              "flags.f.targeting.missing_some: expected how many are needed, and a list of paths",
		ruled(`{"starts_with":[{"var":"a"},1]}`):                           "flags.f.targeting.starts_with.1: expected a string or an operation, found a number",
		ruled(`{"sem_ver":[{"var":"v"},"*","1.0.0"]}`):                     "flags.f.targeting.sem_ver.1: expected =, !=, >, <, >=, <=, ~ or ^",
		ruled(`{"sem_ver":[{"var":"v"},"=","1.0.0.0"]}`):                   `flags.f.targeting.sem_ver.2: "1.0.0.0" is no semantic version as in 1.2.3`,
		ruled(`{"sem_ver":[{"cat":["1"]},"=","1.0.0"]}`):                   "flags.f.targeting.sem_ver.0: expected a version or a var",
		ruled(`{"fractional":[]}`):                                         "flags.f.targeting.fractional: expected a list of at least one variant with its weight",
		ruled(`{"fractional":["bucket",["on",1]]}`):                        "flags.f.targeting.fractional.0: expected [variant] or [variant, weight]",
		ruled(`{"fractional":[["on",2.5],["off",-1],["on","1"]]}`):         "flags.f.targeting.fractional.0.1: a weight is a whole number that is not negative, or an operation",
		ruled(`{"if":[{"$ref":"nobody"},"on"]}`):                           `flags.f.targeting: $ref names the shared rule "nobody", which $evaluators does not have`,
		ruled(`{"if":[{"$ref":1},"on"]}`):                                  "flags.f.targeting.if.0.$ref: a $ref is the name of a shared rule, found a number",
	} {
		_, err := Parse([]byte(definition))
		if understudy.KindOf(err) != understudy.KindInvalid || !strings.Contains(err.Error(), expected) {
			if expected == "expected one JSON value" && err != nil {
				continue
			}
			t.Errorf("%s: expected %q, got %v", definition, expected, err)
		}
	}
}

func TestConstraintsBetweenFlagsHaveToMakeSense(t *testing.T) {
	flag := func(key, metadata string) string {
		return `"` + key + `":{"state":"ENABLED","variants":{"on":true,"off":false},"metadata":` + metadata + `}`
	}
	colour := func(key, metadata string) string {
		return `"` + key + `":{"state":"ENABLED","variants":{"red":"r","blue":"b"},"metadata":` + metadata + `}`
	}
	for expected, flags := range map[string][]string{
		"flags require each other in a circle: a → b → c → a":                                   {flag("a", `{"requires":"b"}`), flag("b", `{"requires":"c"}`), flag("c", `{"requires":"a"}`)},
		`flags.a.metadata.requires: the flag can never be on: it needs "c", which excludes "b"`: {flag("a", `{"requires":"b,c"}`), flag("b", `{}`), flag("c", `{"excludes":"b"}`)},
		`flags.a.metadata.requires: the flag "b" has no variant that stands for off`:            {flag("a", `{"requires":"b"}`), colour("b", `{}`)},
		`flags.a.metadata.excludes: the flag has no variant that stands for off`:                {colour("a", `{"excludes":"b"}`), flag("b", `{}`)},
	} {
		_, err := Parse([]byte(`{"flags":{` + strings.Join(flags, ",") + `}}`))
		if err == nil || !strings.Contains(err.Error(), expected) {
			t.Errorf("expected %q, got %v", expected, err)
		}
	}
	set := parsed(t, `{"flags":{`+strings.Join([]string{
		flag("a", `{"requires":"b, c"}`), flag("b", `{"excludes":"d"}`), colour("c", `{"off":"blue"}`), colour("d", `{"off":"red"}`),
	}, ",")+`}}`)
	for _, c := range []struct {
		variants map[string]string
		expected []string
	}{
		{map[string]string{}, nil},
		{map[string]string{"a": "off", "b": "on", "c": "red"}, nil},
		{map[string]string{"a": "on", "b": "on", "c": "red"}, nil},
		{map[string]string{"a": "on", "b": "on", "c": "blue"}, []string{"a is on and requires c, which is off"}},
		{map[string]string{"b": "on", "d": "blue"}, []string{"b is on and excludes d, which is on too"}},
	} {
		if got := set.Violations(c.variants); !reflect.DeepEqual(got, c.expected) {
			t.Errorf("%v: expected %q, got %q", c.variants, c.expected, got)
		}
	}
}

func TestTheVariantForOffIsFound(t *testing.T) {
	for fields, expected := range map[string]string{
		`"variants":{"on":true,"off":false}`:                            "off",
		`"variants":{"yes":true,"no":false}`:                            "no",
		`"variants":{"x":false,"off":false,"on":true}`:                  "off",
		`"variants":{"off":true,"on":false}`:                            "on",
		`"variants":{"always":true}`:                                    "",
		`"variants":{"off":"","red":"r"}`:                               "off",
		`"variants":{"blue":"b","red":"r"}`:                             "",
		`"variants":{"blue":"b","red":"r"},"metadata":{"off":"blue"}`:   "blue",
		`"variants":{"on":true,"off":false},"metadata":{"off":"on"}`:    "on",
		`"variants":{"small":10,"large":25},"metadata":{"off":"small"}`: "small",
	} {
		flag, _ := parsed(t, `{"flags":{"f":{"state":"ENABLED",`+fields+`}}}`).Flag("f")
		if flag.Off != expected {
			t.Errorf("%s: expected %q to stand for off, got %q", fields, expected, flag.Off)
		}
	}
}

func TestTheDigestIsOfTheContent(t *testing.T) {
	asObject := parsed(t, `{"flags":{"a":{"state":"ENABLED","variants":{"on":true}},"b":{"state":"DISABLED","variants":{"x":1}}}}`)
	for _, written := range []string{
		`{"$schema":"flags.json", "flags": {"b": {"variants": {"x": 1}, "state": "DISABLED"}, "a": {"state":"ENABLED","variants":{"on":true}}}}`,
		`{"flags":[{"key":"b","state":"DISABLED","variants":{"x":1}},{"key":"a","state":"ENABLED","variants":{"on":true}}]}`,
		string(asObject.JSON()),
	} {
		if got := parsed(t, written); got.Digest() != asObject.Digest() {
			t.Errorf("expected %s to have the same digest", written)
		}
	}
	for _, other := range []string{
		`{"flags":{"a":{"state":"ENABLED","variants":{"on":true}},"b":{"state":"ENABLED","variants":{"x":1}}}}`,
		`{"metadata":{"version":"2"},"flags":{"a":{"state":"ENABLED","variants":{"on":true}},"b":{"state":"DISABLED","variants":{"x":1}}}}`,
	} {
		if got := parsed(t, other); got.Digest() == asObject.Digest() {
			t.Errorf("expected %s to have another digest", other)
		}
	}
}

func TestAnEnvironmentsWordGoesBeforeTheDefinition(t *testing.T) {
	set := parsed(t, shopFlags)
	before := set.Digest()
	changed, err := set.With(map[string]Override{"new-search": {Off: true}, "retired": {Variant: "on"}, "fast-checkout": {Variant: "on"}})
	if err != nil {
		t.Fatal(err)
	}
	for key, expected := range map[string]any{"new-search": false, "retired": true, "fast-checkout": true, "page-size": 25.0} {
		if r := changed.Evaluate(key, map[string]any{"targetingKey": "u"}); r.Value != expected || r.Reason != ReasonStatic {
			t.Errorf("%s: expected %v for everybody, got %+v", key, expected, r)
		}
	}
	if set.Digest() != before || changed.Digest() == before {
		t.Errorf("expected another digest, and the first set as it was")
	}
	if again := parsed(t, string(changed.JSON())); again.Digest() != changed.Digest() {
		t.Errorf("expected the changed set to be a definition like any other")
	}
	for name, overrides := range map[string]map[string]Override{
		"there is no such flag":               {"nobody": {Off: true}},
		"expected either off or a variant":    {"banner": {}},
		`it has no variant "autumn"`:          {"banner": {Variant: "autumn"}},
		"none of its variants stands for off": {"page-size": {Off: true}},
	} {
		if _, err := set.With(overrides); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("expected %q, got %v", name, err)
		}
	}
}

func TestRulesSeeTheMomentAndTheirFlag(t *testing.T) {
	set := parsed(t, `{"flags":{"gradual":{"state":"ENABLED","variants":{"on":true,"off":false},"defaultVariant":"off",
		"targeting":{"if":[{"and":[{">":[{"var":"$flagd.timestamp"},1700000000]},{"==":[{"var":"$flagd.flagKey"},"gradual"]}]},"on",null]}}}}`)
	context := map[string]any{"$flagd": map[string]any{"timestamp": 9e9}} // whoever sends this is not believed
	if r := set.EvaluateAt("gradual", context, time.Unix(1700000000, 0)); r.Variant != "off" {
		t.Errorf("expected off until then, got %+v", r)
	}
	if r := set.EvaluateAt("gradual", context, time.Unix(1700000001, 0)); r.Variant != "on" {
		t.Errorf("expected on after it, got %+v", r)
	}
}

func TestNumbersOfGoAreNumbersInRules(t *testing.T) {
	set := parsed(t, ruled(`{"if":[{">":[{"var":"user.age"},17]},"on"]}`))
	for _, age := range []any{18, int64(18), int32(18), float32(18), 18.0} {
		if r := set.Evaluate("f", map[string]any{"user": map[string]any{"age": age}}); r.Variant != "on" {
			t.Errorf("%T: expected on, got %+v", age, r)
		}
	}
}

// Where flagd's implementations differ, we follow its daemon: see docs/flags.md.
func TestWithoutWhatToBucketByTheTargetingKeyIsTaken(t *testing.T) {
	set := parsed(t, ruled(`{"fractional":[{"var":"account"},["on",50],["off",50]]}`))
	short := parsed(t, ruled(`{"fractional":[["on",50],["off",50]]}`))
	for i := range 100 {
		context := map[string]any{"targetingKey": fmt.Sprint("user-", i)}
		if a, b := set.Evaluate("f", context), short.Evaluate("f", context); a.Variant != b.Variant {
			t.Errorf("%v: expected %q, got %q", context, b.Variant, a.Variant)
		}
	}
}
