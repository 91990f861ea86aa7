package combination

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// switches are k flags that are on or off.
func switches(k int) []Factor {
	factors := make([]Factor, k)
	for i := range factors {
		factors[i] = Factor{Key: fmt.Sprintf("f%03d", i), Levels: []string{"off", "on"}}
	}
	return factors
}

// levelled are flags with so many variants each.
func levelled(levels ...int) []Factor {
	factors := make([]Factor, len(levels))
	for i, n := range levels {
		factors[i].Key = fmt.Sprintf("f%03d", i)
		for level := range n {
			factors[i].Levels = append(factors[i].Levels, fmt.Sprint("v", level))
		}
	}
	return factors
}

func covered(t testing.TB, factors []Factor, given ...Row) []Row {
	t.Helper()
	space, err := NewSpace(factors)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := space.Cover(given...)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// objection says what is wrong with rows: one that is not legal, or two variants that
// legally can come together, and do not. It asks every pair of every row and knows nothing
// of how rows are made; what is legal it finds by trying all rows.
func objection(factors []Factor, rows []Row) string {
	met := map[[4]int]bool{}
	for _, row := range rows {
		levels := make([]int, len(factors))
		for i, f := range factors {
			levels[i] = slices.Index(f.Levels, row[f.Key])
		}
		if slices.Contains(levels, -1) || len(row) != len(factors) || !isLegal(factors, levels) {
			return fmt.Sprintf("%v is not legal", row)
		}
		eachPair(levels, met)
	}
	for pair := range possible(factors) {
		if !met[pair] {
			return fmt.Sprintf("%s=%s never meets %s=%s", factors[pair[0]].Key, factors[pair[0]].Levels[pair[1]], factors[pair[2]].Key, factors[pair[2]].Levels[pair[3]])
		}
	}
	return ""
}

func eachPair(levels []int, into map[[4]int]bool) {
	for j := range levels {
		for i := range j {
			into[[4]int{i, levels[i], j, levels[j]}] = true
		}
	}
}

func isLegal(factors []Factor, levels []int) bool {
	on := func(key string) bool {
		return slices.ContainsFunc(factors, func(f Factor) bool { return f.Key == key }) &&
			levels[slices.IndexFunc(factors, func(f Factor) bool { return f.Key == key })] > 0
	}
	for i, f := range factors {
		if levels[i] == 0 {
			continue
		}
		if slices.ContainsFunc(f.Requires, func(key string) bool { return !on(key) }) || slices.ContainsFunc(f.Excludes, on) {
			return false
		}
	}
	return true
}

// possible are the pairs of all legal rows; without constraints simply all.
func possible(factors []Factor) map[[4]int]bool {
	pairs := map[[4]int]bool{}
	if !slices.ContainsFunc(factors, func(f Factor) bool { return len(f.Requires)+len(f.Excludes) > 0 }) {
		for j, b := range factors {
			for i, a := range factors[:j] {
				for x := range a.Levels {
					for y := range b.Levels {
						pairs[[4]int{i, x, j, y}] = true
					}
				}
			}
		}
		return pairs
	}
	levels := make([]int, len(factors))
	for more := true; more; {
		if isLegal(factors, levels) {
			eachPair(levels, pairs)
		}
		more = false
		for i := range levels {
			if levels[i]++; levels[i] < len(factors[i].Levels) {
				more = true
				break
			}
			levels[i] = 0
		}
	}
	return pairs
}

func TestFlagsThatAreOnOrOffNeedTheFewestRowsThereCanBe(t *testing.T) {
	// The exact minimum: Kleitman and Spencer, Katona (1973); k flags for the first time.
	smallest := map[int]int{0: 1, 1: 2, 2: 4, 3: 4, 4: 5, 5: 6, 10: 6, 11: 7, 15: 7, 16: 8, 35: 8, 36: 9, 56: 9, 57: 10, 100: 10, 126: 10, 127: 11, 210: 11}
	for k, n := range smallest {
		rows := covered(t, switches(k))
		if len(rows) != n {
			t.Errorf("%d flags: expected %d rows, got %d", k, n, len(rows))
		}
		if wrong := objection(switches(k), rows); wrong != "" {
			t.Errorf("%d flags: %s", k, wrong)
		}
		for key, variant := range rows[0] {
			if variant != "off" {
				t.Errorf("%d flags: expected the first row to be all off, %s is %s", k, key, variant)
			}
		}
	}
}

func TestEveryPairThatIsLegalIsCoveredAndNoRowIsIllegal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		factors := levelled(rapid.SliceOfN(rapid.IntRange(1, 4), 1, 7).Draw(t, "levels")...)
		for i := range factors { // only earlier ones are required, so that there is no circle
			for j := range i {
				switch rapid.IntRange(0, 9).Draw(t, "constraint") {
				case 0:
					factors[i].Requires = append(factors[i].Requires, factors[j].Key)
				case 1:
					factors[i].Excludes = append(factors[i].Excludes, factors[j].Key)
				}
			}
		}
		space, err := NewSpace(factors)
		if err != nil {
			t.Fatal(err)
		}
		given := space.Alone()
		if rapid.Bool().Draw(t, "nothing given") {
			given = nil
		}
		rows, err := space.Cover(given...)
		if err != nil {
			t.Fatal(err)
		}
		if wrong := objection(factors, rows); wrong != "" {
			t.Fatalf("%v: %s", factors, wrong)
		}
		if !reflect.DeepEqual(rows[0], space.Off()) || !reflect.DeepEqual(rows[1:1+len(given)], append([]Row{}, given...)) {
			t.Fatalf("expected all off first, and then the rows given, got %v", rows)
		}
		again, err := space.Cover(given...)
		if err != nil || !reflect.DeepEqual(rows, again) {
			t.Fatalf("expected the same rows again, got %v and %v (%v)", rows, again, err)
		}
	})
}

// published are sizes of pairwise arrays that PICT is known by (pairwise.org), which has no
// row that must be there. bench/flags compares with all of them.
func published() map[string]struct {
	factors []Factor
	pict    int
} {
	many := func(levels, times int) []int { return slices.Repeat([]int{levels}, times) }
	return map[string]struct {
		factors []Factor
		pict    int
	}{
		"3^4":   {levelled(many(3, 4)...), 9},
		"3^13":  {levelled(many(3, 13)...), 18},
		"2^100": {levelled(many(2, 100)...), 15},
	}
}

func TestArraysAreAboutAsSmallAsThoseOfOthers(t *testing.T) {
	for name, c := range published() {
		rows := covered(t, c.factors)
		if wrong := objection(c.factors, rows); wrong != "" {
			t.Errorf("%s: %s", name, wrong)
		}
		t.Logf("%s: %d rows, PICT %d", name, len(rows), c.pict)
		if float64(len(rows)) > 1.15*float64(c.pict)+1 {
			t.Errorf("%s: expected about %d rows, got %d", name, c.pict, len(rows))
		}
	}
}

func TestRowsThatCannotBeAreRefused(t *testing.T) {
	factors := switches(3)
	factors[2].Requires, factors[1].Excludes = []string{"f000"}, []string{"f000"}
	space, err := NewSpace(factors)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []Row{
		{"f000": "off", "f001": "off", "f002": "on"},
		{"f000": "on", "f001": "on", "f002": "off"},
		{"f000": "on", "f001": "off"},
		{"f000": "on", "f001": "off", "f002": "maybe"},
		{"f000": "on", "f001": "off", "f002": "off", "f003": "off"},
	} {
		if _, err := space.Cover(row); err == nil {
			t.Errorf("%v: expected it to be refused", row)
		}
	}
	if _, err := NewSpace(append(switches(2), switches(1)...)); err == nil {
		t.Error("expected a flag that is there twice to be refused")
	}
}
