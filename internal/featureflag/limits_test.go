package featureflag

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

func TestAHostileDefinitionIsRefused(t *testing.T) {
	for name, definition := range map[string]string{
		"100 levels deep":    ruled(strings.Repeat(`{"!":`, 200) + "true" + strings.Repeat("}", 200)),
		"8388608 bytes":      `{"flags":{}` + strings.Repeat(" ", maxSize) + `}`,
		"bytes that are not": "{\"flags\":{\"\xff\":1}}",
		"there may be 20000 flags, found 20001": func() string {
			flags := make([]string, maxFlags+1)
			for i := range flags {
				flags[i] = fmt.Sprintf(`"f%d":{"state":"ENABLED","variants":{"a":1}}`, i)
			}
			return `{"flags":{` + strings.Join(flags, ",") + `}}`
		}(),
	} {
		if _, err := Parse([]byte(definition)); err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), " levels deep:", " levels deep"), name) {
			t.Errorf("expected %q, got %.300v", name, err)
		}
	}
}

func TestSharedRulesThatNeedEachOtherTooDeepAreRefused(t *testing.T) {
	shared := make([]string, 3000) // the last of them is compiled first, and needs all the others
	for i := range shared {
		shared[i] = fmt.Sprintf(`"r%d":{"!":{"$ref":"r%d"}}`, len(shared)-i, len(shared)-i-1)
	}
	definition := `{"$evaluators":{"r0":{"var":"a"},` + strings.Join(shared, ",") + `},` + strings.TrimPrefix(ruled(`{"$ref":"r3000"}`), "{")
	if _, err := Parse([]byte(definition)); err == nil || !strings.Contains(err.Error(), "shared rules need each other over 100 levels") {
		t.Errorf("expected it to be refused, got %.300v", err)
	}
}

func TestAHostileRuleEndsAsAnErrorOfItsFlag(t *testing.T) {
	shared := make([]string, 40)
	for i := range shared {
		shared[i] = fmt.Sprintf(`"r%d":{"or":[{"$ref":"r%d"},{"$ref":"r%d"}]}`, i+1, i, i)
	}
	doubling := `{"$evaluators":{"r0":{"var":"nothing"},` + strings.Join(shared, ",") + `},` + strings.TrimPrefix(ruled(`{"$ref":"r40"}`), "{")
	list := make([]any, 400)
	long := `["` + strings.Repeat(`x","`, 1000) + `"]`
	context := map[string]any{"list": list, "text": strings.Repeat("x", 1<<19)}
	for name, c := range map[string]struct{ definition, expected string }{
		"rules that double":   {doubling, string(errTooLong)},
		"lists in lists":      {ruled(`{"map":[{"var":"list"},{"map":[[1,2,3,4,5,6,7,8,9],{"map":[[1,2,3,4,5,6,7,8,9],{"map":[[1,2,3,4,5,6,7,8,9],1]}]}]}]}`), string(errTooLong)},
		"a text that doubles": {ruled(`{"reduce":[{"var":"list"},{"cat":[{"var":"accumulator"},{"var":"accumulator"}]},"ab"]}`), string(errTooLarge)},
		"a long search":       {ruled(`{"map":[{"var":"list"},{"in":[{"var":""},` + long + `]}]}`), string(errTooLong)},
		"a long text":         {ruled(`{"reduce":[{"var":"list"},{"if":[{"in":["y",{"var":"accumulator"}]},1,{"var":"accumulator"}]},{"var":"text"}]}`), string(errTooLong)},
		"a list that doubles": {ruled(`{"reduce":[{"var":"list"},{"merge":[{"var":"accumulator"},{"var":"accumulator"}]},[1,2]]}`), string(errTooLong)},
	} {
		began := time.Now()
		r := parsed(t, c.definition).Evaluate("f", context)
		if r.Error != CodeGeneral || r.Details != c.expected {
			t.Errorf("%s: expected %q, got %+v", name, c.expected, r)
		}
		if spent := time.Since(began); spent > 20*time.Second {
			t.Errorf("%s: took %s", name, spent)
		}
	}
}

// FuzzNothingPanics holds whatever the definition and the context are; and what is accepted
// is accepted again as it is written out.
func FuzzNothingPanics(f *testing.F) {
	seed, err := os.ReadFile("testdata/scenarios.flags.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed, []byte(`{"targetingKey":"u","version":"1.2.3","email":"ann@example.com","num":1}`))
	f.Add([]byte(shopFlags), []byte(`{"tier":["gold"]}`))
	for _, rule := range []string{
		`{"substr":["täst",-9,-9]}`, `{"reduce":[[1,[2]],{"merge":[{"var":"accumulator"},{"var":"current"}]},[]]}`,
		`{"fractional":[{"var":""},["on",{"%":[{"var":"a"},0]}]]}`, `{"sem_ver":[{"var":""},"~","1.0.0"]}`,
		`{"missing_some":[1,["a.b","0"]]}`, `{"in":[{"var":"a"},{"var":"b"}]}`, `{"max":[{"var":"a"},2]}`, `{"if":[]}`, `{"var":[]}`,
	} {
		f.Add([]byte(ruled(rule)), []byte(`{"a":[1,{"b":null}],"b":{"0":[]},"":1}`))
	}
	f.Fuzz(func(t *testing.T, definition, about []byte) {
		var context map[string]any
		_ = json.Unmarshal(about, &context) // whatever of it is one
		set, found, err := load(definition)
		if err != nil {
			return
		}
		for _, key := range set.Keys() {
			r := set.Evaluate(key, context)
			set.flags[key].appendAnswer(nil, r)
		}
		if found.err() == nil {
			again, err := Parse(set.JSON())
			if err != nil || again.Digest() != set.Digest() {
				t.Errorf("expected the definition to be read again as it was: %v", err)
			}
		}
	})
}
