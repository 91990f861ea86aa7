package understudy_test

import (
	"testing"

	"understudy"
)

func TestEnvironPrint_IsOfWhatAProcessSeesAndOfNothingElse(t *testing.T) {
	key := []byte("0123456789abcdef")
	base := understudy.EnvironPrint(key, []string{"A=1", "B=2"})
	for claim, same := range map[string][]string{"another order": {"B=2", "A=1"}, "a value that a later one hides": {"A=0", "B=2", "A=1"}} {
		if understudy.EnvironPrint(key, same) != base {
			t.Errorf("%s gives another print", claim)
		}
	}
	for claim, other := range map[string][]string{
		"another value": {"A=1", "B=3"}, "less": {"A=1"}, "more": {"A=1", "B=2", "C="}, "other keys": {"A=1", "C=2"}, "what only looks alike": {"A=1\nB=2"}, "the value hidden": {"A=1", "B=2", "A=0"},
	} {
		if understudy.EnvironPrint(key, other) == base {
			t.Errorf("%s gives the same print", claim)
		}
	}
	if understudy.EnvironPrint([]byte("another-key-of-it"), []string{"A=1", "B=2"}) == base {
		t.Error("another key gives the same print")
	}
}
