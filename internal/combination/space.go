package combination

import (
	"maps"
	"slices"

	"understudy"
)

// Row is one combination: the variant of every flag of a space, by key.
type Row map[string]string

// Factor is a flag as combinations see it: its levels, of which the first is off, and the
// flags of the space that it requires and excludes.
type Factor struct {
	Key      string
	Levels   []string
	Requires []string
	Excludes []string
}

// Space is what combinations are made of. A row of it is legal if every flag that is on has
// all that it requires on, and nothing on that it excludes. A row with every flag off is
// always legal.
type Space struct {
	factors  []Factor
	index    map[string]int
	requires [][]int
	excludes [][]int
	free     bool // nothing constrains anything
}

// NewSpace is the space of factors. What they require and exclude outside of it constrains
// nothing.
func NewSpace(factors []Factor) (*Space, error) {
	s := &Space{factors: factors, index: map[string]int{}, requires: make([][]int, len(factors)), excludes: make([][]int, len(factors))}
	for i, f := range factors {
		if _, twice := s.index[f.Key]; twice || len(f.Levels) == 0 {
			return nil, understudy.Errorf(understudy.KindInvalid, "combining flags: expected each flag once, with at least one variant, found %q", f.Key)
		}
		s.index[f.Key] = i
	}
	for i, f := range factors {
		s.requires[i], s.excludes[i] = s.indices(f.Requires), s.indices(f.Excludes)
	}
	s.free = true
	for i := range factors {
		s.free = s.free && len(s.requires[i])+len(s.excludes[i]) == 0
		for _, j := range s.excludes[i] {
			if !slices.Contains(s.excludes[j], i) {
				s.excludes[j] = append(s.excludes[j], i)
			}
		}
	}
	return s, nil
}

func (s *Space) indices(keys []string) []int {
	var found []int
	for _, key := range keys {
		if i, known := s.index[key]; known {
			found = append(found, i)
		}
	}
	return found
}

// Keys are the flags of the space, in its order.
func (s *Space) Keys() []string {
	keys := make([]string, len(s.factors))
	for i, f := range s.factors {
		keys[i] = f.Key
	}
	return keys
}

// Off is the row in which every flag is off.
func (s *Space) Off() Row {
	return s.row(make([]int, len(s.factors)))
}

func (s *Space) row(levels []int) Row {
	row := Row{}
	for i, level := range levels {
		row[s.factors[i].Key] = s.factors[i].Levels[level]
	}
	return row
}

// levels are a row's, or an error that says what is wrong with it.
func (s *Space) levels(row Row) ([]int, error) {
	levels := make([]int, len(s.factors))
	for i, f := range s.factors {
		if levels[i] = slices.Index(f.Levels, row[f.Key]); levels[i] < 0 {
			return nil, understudy.Errorf(understudy.KindInvalid, "combining flags: the flag %q has the variants %q, found %q", f.Key, f.Levels, row[f.Key])
		}
	}
	if len(row) != len(s.factors) {
		return nil, understudy.Errorf(understudy.KindInvalid, "combining flags: expected %d flags in a row, found %q", len(s.factors), slices.Sorted(maps.Keys(row)))
	}
	if !s.extendable(levels) {
		return nil, understudy.Errorf(understudy.KindInvalid, "combining flags: a row violates what its flags require or exclude: %v", row)
	}
	return levels, nil
}

// unset is the level of a flag that a row does not say yet.
const unset = -1

// extendable says whether a row that is not complete can be made complete and legal. That
// needs no search: what has to be on, turned on, is the least that helps, and turning on
// more never does.
func (s *Space) extendable(levels []int) bool {
	if s.free {
		return true
	}
	on := s.needed(levels)
	for i, isOn := range on {
		if !isOn {
			continue
		}
		if levels[i] == 0 || levels[i] == unset && len(s.factors[i].Levels) == 1 {
			return false
		}
		if slices.ContainsFunc(s.excludes[i], func(j int) bool { return on[j] }) {
			return false
		}
	}
	return true
}

// needed are the flags that are on, and those that they need.
func (s *Space) needed(levels []int) []bool {
	on := make([]bool, len(levels))
	var turnOn func(i int)
	turnOn = func(i int) {
		if !on[i] {
			on[i] = true
			for _, j := range s.requires[i] {
				turnOn(j)
			}
		}
	}
	for i, level := range levels {
		if level > 0 {
			turnOn(i)
		}
	}
	return on
}

// complete gives every flag that a row leaves open the least level that is legal.
func (s *Space) complete(levels []int) []int {
	out := slices.Clone(levels)
	for i, isOn := range s.needed(levels) {
		if out[i] == unset {
			out[i] = 0
			if isOn {
				out[i] = 1
			}
		}
	}
	return out
}
