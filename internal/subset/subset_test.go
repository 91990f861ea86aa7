package subset_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"understudy"
	"understudy/internal/subset"
)

func TestSet_IsAMapOfNumbersWhateverTheyAre(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var set subset.Set
	expected := map[int64]bool{}
	for range 40_000 {
		row := int64(r.IntN(8192)) // crowded
		if r.IntN(4) == 0 {
			row = r.Int64N(1 << 48) // and scattered
		}
		if set.Add(row) == expected[row] {
			t.Fatalf("%d was new: %t", row, expected[row])
		}
		expected[row] = true
	}
	last, n := int64(-1), int64(0)
	for row := range set.Rows() {
		if !expected[row] || row <= last || !set.Has(row) {
			t.Fatalf("%d after %d", row, last)
		}
		last, n = row, n+1
	}
	if n != set.Len() || int(n) != len(expected) || set.Has(1<<50) {
		t.Errorf("%d rows, said to be %d; expected %d", n, set.Len(), len(expected))
	}
}

func TestStrata_TakeTheShareOfEveryValueAndNoMore(t *testing.T) {
	counts := map[string]int64{"de": 9000, "at": 990, "li": 10}
	for i := range 500 {
		counts[fmt.Sprintf("rare%d", i)] = 1
	}
	taken := map[string]int{}
	strata := subset.NewStrata(subset.NewSampler([]byte("key"), "t", 0.1), counts)
	names := map[int64]string{}
	row := int64(0)
	for value, count := range counts {
		for range count {
			names[row] = value
			strata.Offer(value, fmt.Append(nil, value, row), subset.Place{Table: "t", Row: row})
			row++
		}
	}
	rare := 0
	strata.Each(func(at subset.Place) {
		taken[names[at.Row]]++
		if strings.HasPrefix(names[at.Row], "rare") {
			rare++
		}
	})
	if taken["de"] != 900 || taken["at"] != 99 || taken["li"] != 1 || rare < 25 || rare > 80 {
		t.Errorf("taken: de %d, at %d, li %d, of 500 rare ones %d", taken["de"], taken["at"], taken["li"], rare)
	}
}

func TestSampler_TakesTheSameKeysWhateverElseThereIs(t *testing.T) {
	small, large := subset.NewSampler([]byte("key"), "t", 0.05), subset.NewSampler([]byte("key"), "t", 0.2)
	other := subset.NewSampler([]byte("key"), "u", 0.05)
	few, many, both := 0, 0, 0
	for i := range 20_000 {
		key := fmt.Append(nil, i)
		if small.Takes(key) {
			few++
			if !large.Takes(key) {
				t.Fatalf("%d is in a twentieth and not in a fifth", i)
			}
			if other.Takes(key) {
				both++
			}
		}
		if large.Takes(key) {
			many++
		}
	}
	if few < 850 || few > 1150 || many < 3800 || many > 4200 || both > 100 {
		t.Errorf("%d and %d of 20000, %d in both tables", few, many, both)
	}
}

func TestFit_TakesWholeWhatNothingJoinsToARoot(t *testing.T) {
	catalog := subset.Catalog{Tables: []string{"a", "b", "c", "d1", "d2", "e", "f"}, Of: map[string]string{"d1": "d", "d2": "d"}, Links: []subset.Link{
		{Table: "b", From: []string{"b"}, To: []string{"a"}}, {Table: "b", From: []string{"b"}, To: []string{"d1", "d2"}},
		{Table: "f", From: []string{"f"}, To: []string{"e"}},
	}}
	p, err := subset.Fit(catalog, understudy.Subset{Roots: map[string]understudy.SubsetRoot{"d": {Share: 0.5}}})
	if err != nil || !slices.Equal(p.Whole, []string{"c", "e", "f"}) {
		t.Errorf("whole: %v, %v", p.Whole, err)
	}
}

func BenchmarkSampler(b *testing.B) {
	s := subset.NewSampler([]byte("key"), "t", 0.1)
	key := []byte("(12345678)")
	for b.Loop() {
		s.Takes(key)
	}
}
