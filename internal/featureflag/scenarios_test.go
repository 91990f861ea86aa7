package featureflag

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"
)

// scenario is a line of testdata/scenarios.tsv: what a caller of an SDK asks for, and gets.
// They restate what the evaluator features of open-feature/flagd-testbed 3.9.0 demand of
// every evaluator, all but those of fractional's first version: 39 scenarios, as 125 lines.
type scenario struct {
	of, key, askedAs string
	fallback         any
	context          map[string]any
	expected         struct {
		Value    any            `json:"value"`
		Reason   Reason         `json:"reason"`
		Error    ErrorCode      `json:"error"`
		Metadata map[string]any `json:"metadata"`
	}
	saysValue bool
}

func TestTheEvaluatorScenariosOfFlagdHold(t *testing.T) {
	set := loaded(t, "testdata/scenarios.flags.json")
	all := scenarios(t)
	if len(all) != 125 {
		t.Fatalf("expected 125 scenarios, found %d", len(all))
	}
	for _, s := range all {
		t.Run(s.of+"/"+s.key, func(t *testing.T) {
			got := asked(set, s)
			if s.saysValue && !reflect.DeepEqual(got.Value, s.expected.Value) {
				t.Errorf("%v: expected the value %v, got %v (%s %s)", s.context, s.expected.Value, got.Value, got.Reason, got.Details)
			}
			if s.expected.Reason != "" && got.Reason != s.expected.Reason {
				t.Errorf("%v: expected the reason %s, got %s", s.context, s.expected.Reason, got.Reason)
			}
			if s.expected.Error != "" && got.Error != s.expected.Error {
				t.Errorf("%v: expected the error %s, got %q", s.context, s.expected.Error, got.Error)
			}
			if s.expected.Metadata != nil && !reflect.DeepEqual(got.Metadata, s.expected.Metadata) {
				t.Errorf("expected the metadata %v, got %v", s.expected.Metadata, got.Metadata)
			}
		})
	}
}

// asked is what an SDK makes of a result: it checks the type, and falls back.
func asked(set *Set, s scenario) Result {
	got := set.Evaluate(s.key, s.context)
	types := map[string]Type{"boolean": Boolean, "string": String, "integer": Number, "float": Number, "object": Object}
	if got.Variant != "" && typeOf(got.Value) != types[s.askedAs] {
		got = Result{Key: s.key, Reason: ReasonError, Error: "TYPE_MISMATCH"}
	}
	if got.Variant == "" {
		got.Value = s.fallback
	}
	return got
}

// loaded is a definition as flagd loads it: with what its schema objects to, which some
// scenarios are about.
func loaded(t *testing.T, path string) *Set {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	set, _, err := load(raw)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func scenarios(t *testing.T) []scenario {
	t.Helper()
	raw, err := os.ReadFile("testdata/scenarios.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var all []scenario
	for _, line := range strings.Split(strings.TrimSpace(string(raw)), "\n")[1:] {
		cells := strings.Split(line, "\t")
		s := scenario{of: cells[0], key: cells[1], askedAs: cells[2], saysValue: strings.Contains(cells[5], `"value"`)}
		for i, into := range []any{&s.fallback, &s.context, &s.expected} {
			if err := json.Unmarshal([]byte(cells[3+i]), into); err != nil {
				t.Fatalf("%s: %v", cells[3+i], err)
			}
		}
		all = append(all, s)
	}
	return all
}

func TestWhatFlagdOnlyWarnsOfIsRefused(t *testing.T) {
	raw, err := os.ReadFile("testdata/scenarios.flags.json")
	if err != nil {
		t.Fatal(err)
	}
	_, err = Parse(raw)
	if err == nil {
		t.Fatal("expected the definition to be refused")
	}
	for _, part := range []string{
		`flags.ref-to-nonexistent-evaluator-flag.targeting: $ref names the shared rule "nonexistent_evaluator", which $evaluators does not have`,
		`flags.semver-invalid-operator-flag.targeting.sem_ver.1: expected =, !=, >, <, >=, <=, ~ or ^`,
		`flags.starts-with-wrong-args-flag.targeting.starts_with: expected a list of 2 operands, found 1`,
		`flags.fractional-negative-weight-flag.targeting.fractional.1.1: a weight is a whole number that is not negative, or an operation`,
		`flags.semver-v-prefix-flag.targeting.if.0.sem_ver.2: "v1.0.0" is no semantic version as in 1.2.3`,
	} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("expected %q to be told, got:\n%v", part, err)
		}
	}
}
