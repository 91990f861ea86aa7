package combination

import (
	"maps"
	"slices"
)

// Guilt is what makes a row fail.
type Guilt struct {
	Flags []string // the smallest set of flags that were found to fail when on; usually one or two
	Row   Row      // the row with only these on, and what they require; it was run, and failed
	Runs  int      // how often a row was run to find them
}

// Guilty finds the flags that make a row fail, by running rows with fewer of its flags on. It
// looks for one flag or two first, halving the suspects with each run, and only then for more.
// Rows that passed spare runs: what was on in one of them together is innocent together. The
// row itself is taken to fail; fails says whether another one does, and an error of it ends
// the search.
func (s *Space) Guilty(row Row, passed []Row, fails func(Row) (bool, error)) (Guilt, error) {
	levels, err := s.levels(row)
	if err != nil {
		return Guilt{}, err
	}
	g := guilty{space: s, row: levels, fails: fails, known: map[string]bool{}}
	for _, p := range passed {
		other, err := s.levels(p)
		if err != nil {
			return Guilt{}, err
		}
		g.passed = append(g.passed, other)
	}
	on := indicesOn(levels)
	found, err := g.narrow(on)
	if err == nil && found == nil {
		found, err = g.shrink(on)
	}
	if err != nil {
		return Guilt{}, err
	}
	guilt := Guilt{Row: s.row(g.only(found)), Runs: g.runs}
	for _, i := range found {
		guilt.Flags = append(guilt.Flags, s.factors[i].Key)
	}
	return guilt, nil
}

// guilty is one search.
type guilty struct {
	space  *Space
	row    []int
	passed [][]int
	fails  func(Row) (bool, error)
	known  map[string]bool // what was run already, by its flags
	runs   int
}

// only is the row with some of its flags on, and what they require, all others off.
func (g *guilty) only(flags []int) []int {
	levels := make([]int, len(g.row))
	chosen := g.space.nothing()
	for _, i := range flags {
		chosen[i] = g.row[i]
	}
	for i, isOn := range g.space.needed(chosen) {
		if isOn {
			levels[i] = g.row[i]
		}
	}
	return levels
}

// shrink is delta debugging: it looks for a part that fails alone, or that can be left out,
// in ever smaller parts.
func (g *guilty) shrink(flags []int) ([]int, error) {
	for parts := 2; len(flags) > 1; {
		smaller, err := g.smaller(flags, min(parts, len(flags)))
		switch {
		case err != nil:
			return nil, err
		case smaller != nil:
			flags, parts = smaller, max(2, min(parts-1, len(smaller)))
		case parts >= len(flags):
			return flags, nil
		default:
			parts *= 2
		}
	}
	return flags, nil
}

// smaller is a part that fails, or the rest without one; nil if there is none.
func (g *guilty) smaller(flags []int, parts int) ([]int, error) {
	chunks := slices.Collect(slices.Chunk(flags, (len(flags)+parts-1)/parts))
	candidates := slices.Clone(chunks)
	if len(chunks) > 2 {
		for i := range chunks {
			candidates = append(candidates, slices.Concat(slices.Concat(chunks[:i]...), slices.Concat(chunks[i+1:]...)))
		}
	}
	for _, candidate := range candidates {
		failed, err := g.try(candidate)
		if err != nil {
			return nil, err
		}
		if failed {
			return candidate, nil
		}
	}
	return nil, nil
}

func (g *guilty) try(flags []int) (bool, error) {
	levels := g.only(flags)
	if g.innocent(levels) {
		return false, nil
	}
	row := g.space.row(levels)
	name := key(row)
	if failed, ran := g.known[name]; ran {
		return failed, nil
	}
	g.runs++
	failed, err := g.fails(row)
	g.known[name] = failed
	return failed, err
}

// innocent says that all that is on was on together in a row that passed.
func (g *guilty) innocent(levels []int) bool {
	return slices.ContainsFunc(g.passed, func(passed []int) bool {
		for i, level := range levels {
			if level > 0 && passed[i] != level {
				return false
			}
		}
		return true
	})
}

func key(row Row) string {
	name := ""
	for _, k := range slices.Sorted(maps.Keys(row)) {
		name += k + "\x00" + row[k] + "\x00"
	}
	return name
}
