package store_test

import (
	"testing"

	"understudy/examples/shop/v3/store"
)

func TestSplit_TakesTheFirstWordAndTheRest(t *testing.T) {
	for name, want := range map[string][2]string{
		"Anna Berger":      {"Anna", "Berger"},
		"Oskar de la Haas": {"Oskar", "de la Haas"},
		"Björk":            {"Björk", ""},
		"  Ida Horn ":      {"Ida", "Horn"},
	} {
		if first, last := store.Split(name); first != want[0] || last != want[1] {
			t.Errorf("%q: expected %q, found %q and %q", name, want, first, last)
		}
	}
}
