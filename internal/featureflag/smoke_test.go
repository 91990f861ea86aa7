package featureflag

import "testing"

func TestASmallDefinitionEvaluates(t *testing.T) {
	set, err := Parse([]byte(`{"flags":{"a":{"state":"ENABLED","variants":{"on":true,"off":false},"defaultVariant":"off",
	"targeting":{"if":[{"==":[{"var":"email"},"x@example.com"]},"on",null]}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	if r := set.Evaluate("a", map[string]any{"email": "x@example.com"}); r.Value != true || r.Reason != ReasonMatch {
		t.Errorf("expected on by the rule, got %+v", r)
	}
	pinned, err := set.With(map[string]Override{"a": {Variant: "on"}})
	if err != nil {
		t.Fatal(err)
	}
	if r := pinned.Evaluate("a", nil); r.Value != true || r.Reason != ReasonStatic {
		t.Errorf("expected on by the override, got %+v", r)
	}
}
