package combination

import (
	"errors"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestTheGuiltyFlagsAreFoundInFewRuns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := rapid.IntRange(2, 40).Draw(t, "flags")
		factors := switches(k)
		guilty := rapid.SliceOfNDistinct(rapid.IntRange(0, k-1), 1, 2, rapid.ID).Draw(t, "guilty")
		slices.Sort(guilty)
		var expected []string
		for _, i := range guilty {
			expected = append(expected, factors[i].Key)
		}
		fails := func(row Row) bool {
			return !slices.ContainsFunc(expected, func(key string) bool { return row[key] != "on" })
		}
		space, err := NewSpace(factors)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := space.Cover()
		if err != nil {
			t.Fatal(err)
		}
		var passed []Row
		var failed Row
		for _, row := range rows {
			if !fails(row) {
				passed = append(passed, row)
			} else if failed == nil {
				failed = row
			}
		}
		if failed == nil {
			t.Fatal("pairwise rows did not meet what one or two flags do")
		}
		runs := 0
		got, err := space.Guilty(failed, passed, func(row Row) (bool, error) {
			runs++
			return fails(row), nil
		})
		if err != nil || !reflect.DeepEqual(got.Flags, expected) || !fails(got.Row) || got.Runs != runs {
			t.Fatalf("expected %v to be found, got %+v (%v)", expected, got, err)
		}
		if runs > 10 { // ddmin alone takes up to 30
			t.Fatalf("%d flags: it took %d runs", k, runs)
		}
	})
}

func TestThreeFlagsThatFailOnlyTogetherAreFoundToo(t *testing.T) {
	space, err := NewSpace(switches(12))
	if err != nil {
		t.Fatal(err)
	}
	row, guilty := Row{}, []string{"f002", "f007", "f009"}
	for _, key := range space.Keys() {
		row[key] = "on"
	}
	got, err := space.Guilty(row, []Row{space.Off()}, func(row Row) (bool, error) {
		return !slices.ContainsFunc(guilty, func(key string) bool { return row[key] != "on" }), nil
	})
	if err != nil || !reflect.DeepEqual(got.Flags, guilty) {
		t.Errorf("expected %v, got %+v (%v)", guilty, got, err)
	}
}

func TestWhatAGuiltyFlagRequiresComesWithIt(t *testing.T) {
	factors := switches(6)
	factors[4].Requires = []string{"f001"}
	factors[1].Requires = []string{"f003"}
	space, err := NewSpace(factors)
	if err != nil {
		t.Fatal(err)
	}
	row := Row{"f000": "on", "f001": "on", "f002": "on", "f003": "on", "f004": "on", "f005": "on"}
	got, err := space.Guilty(row, []Row{space.Off()}, func(row Row) (bool, error) {
		levels := make([]int, len(factors))
		for i, f := range factors {
			levels[i] = slices.Index(f.Levels, row[f.Key])
		}
		if !isLegal(factors, levels) {
			t.Errorf("an illegal row was run: %v", row)
		}
		return row["f004"] == "on", nil
	})
	if err != nil || !reflect.DeepEqual(got.Flags, []string{"f004"}) || got.Row["f001"] != "on" || got.Row["f000"] != "off" {
		t.Errorf("expected f004 with what it requires, got %+v (%v)", got, err)
	}
}

func TestTheSearchForTheGuiltyEndsWithTheFirstError(t *testing.T) {
	space, err := NewSpace(switches(4))
	if err != nil {
		t.Fatal(err)
	}
	row := Row{"f000": "on", "f001": "on", "f002": "on", "f003": "on"}
	broken := errors.New("the twin is gone")
	runs := 0
	_, err = space.Guilty(row, nil, func(Row) (bool, error) {
		runs++
		return false, broken
	})
	if !errors.Is(err, broken) || runs != 1 {
		t.Errorf("expected the first error to end it, got %v after %d runs", err, runs)
	}
	if _, err := space.Guilty(Row{"f000": "on"}, nil, nil); err == nil {
		t.Error("expected a row that is not whole to be refused")
	}
}
