package main

import (
	"strings"
	"testing"
)

func TestExactly_TakesEachFailureForItsReasonAndNoOther(t *testing.T) {
	want := map[string]string{page: "no sessions", refresh: "no constraint"}
	whole := heard{
		Classes: map[string]int{page: 3, refresh: 2},
		Samples: []string{page + ": store: no sessions", refresh + ": store: no constraint"},
	}
	if err := whole.exactly(want); err != nil {
		t.Error(err)
	}
	for name, c := range map[string]struct {
		change func(h *heard)
		said   string
	}{
		"another class failed":   {func(h *heard) { h.Classes["GET /healthcheck → 500"] = 1 }, "failed too"},
		"one did not fail":       {func(h *heard) { delete(h.Classes, refresh) }, "to fail, found only"},
		"one for another reason": {func(h *heard) { h.Samples[0] = page + ": out of memory" }, "out of memory"},
		"one without a word":     {func(h *heard) { h.Samples = h.Samples[:1] }, "no constraint"},
	} {
		h := heard{Classes: map[string]int{page: 3, refresh: 2}, Samples: append([]string{}, whole.Samples...)}
		c.change(&h)
		if err := h.exactly(want); err == nil || !strings.Contains(err.Error(), c.said) {
			t.Errorf("%s: found %v, expected an error with %q", name, err, c.said)
		}
	}
}

func TestHalfway_TakesNoMigrationThatGotThrough(t *testing.T) {
	through := seen{Checks: []check{{Name: "migration", Outcome: "passed", Summary: "took 1s"}}}
	if err := halfway(through); err == nil || !strings.Contains(err.Error(), "found it passed") {
		t.Errorf("found %v", err)
	}
}
