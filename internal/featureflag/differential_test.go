package featureflag

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os/exec"
	"reflect"
	"testing"
	"time"
)

// compared is one definition with the contexts that it is evaluated for.
type compared struct {
	Now        int64            `json:"now"`
	Definition map[string]any   `json:"definition"`
	Contexts   []map[string]any `json:"contexts"`
}

// TestEveryFlagEvaluatesAsInFlagdsOwnEvaluator compares with @openfeature/flagd-core on
// generated rules. Left out are the points in which flagd's implementations differ from
// each other, and where ours follows the daemon or JSONLogic: see docs/flags.md.
func TestEveryFlagEvaluatesAsInFlagdsOwnEvaluator(t *testing.T) {
	const definitions, flags, contexts = 250, 8, 10
	g := generator{rand.New(rand.NewPCG(2026, 11))}
	var cases []compared
	var input bytes.Buffer
	for range definitions {
		c := compared{Now: 1_700_000_000 + g.Int64N(100_000_000), Definition: g.definition(flags)}
		for range contexts {
			c.Contexts = append(c.Contexts, g.context())
		}
		cases = append(cases, c)
		if err := json.NewEncoder(&input).Encode(c); err != nil {
			t.Fatal(err)
		}
	}
	node := exec.Command("node", "evaluate.cjs")
	node.Dir, node.Stdin = oracles(t), &input
	out, err := node.Output()
	if err != nil {
		t.Fatalf("running flagd's evaluator: %v", err)
	}
	answers := json.NewDecoder(bytes.NewReader(out))
	seen := map[Reason]int{}
	for _, c := range cases {
		var theirs map[string][][]any
		if err := answers.Decode(&theirs); err != nil {
			t.Fatal(err)
		}
		compare(t, c, theirs, seen)
	}
	for reason, least := range map[Reason]int{ReasonMatch: 5000, ReasonDefault: 1000, ReasonStatic: 1000, ReasonDisabled: 500, ReasonError: 1000} {
		if seen[reason] < least {
			t.Errorf("expected %s to be seen %d times, saw %v", reason, least, seen)
		}
	}
}

func compare(t *testing.T, c compared, theirs map[string][][]any, seen map[Reason]int) {
	t.Helper()
	raw, err := json.Marshal(c.Definition)
	if err != nil {
		t.Fatal(err)
	}
	set, err := Parse(raw)
	if err != nil {
		t.Fatalf("a generated definition is not valid: %v\n%s", err, raw)
	}
	for key, answers := range theirs {
		for i, context := range c.Contexts {
			got := set.EvaluateAt(key, context, time.Unix(c.Now, 0))
			ours := []any{string(got.Reason), string(got.Error), got.Variant, got.Value, got.Metadata}
			seen[got.Reason]++
			if !reflect.DeepEqual(ours, answers[i]) {
				rule, _ := json.Marshal(c.Definition["flags"].(map[string]any)[key])
				said, _ := json.Marshal(context)
				t.Errorf("theirs: %v\nours:   %v (%s)\nflag %s: %s\nfor %s", answers[i], ours, got.Details, key, rule, said)
			}
		}
		if t.Failed() {
			t.FailNow()
		}
	}
}
