package combination

import "slices"

// suspect is one flag or two that may be what makes a row fail, with what they require.
type suspect struct {
	flags []int
	on    []int // these, and what they require
}

// suspects are all flags and pairs that are on in the row, but in no row that passed. Of
// those that come to the same row the smallest counts.
func (g *guilty) suspects(on []int) []suspect {
	var found []suspect
	seen := map[string]bool{}
	consider := func(flags ...int) {
		levels := g.only(flags)
		if name := key(g.space.row(levels)); !seen[name] && !g.innocent(levels) {
			seen[name] = true
			found = append(found, suspect{flags, indicesOn(levels)})
		}
	}
	for _, i := range on {
		consider(i)
	}
	for n, j := range on {
		for _, i := range on[:n] {
			consider(i, j)
		}
	}
	return found
}

// narrow looks for one guilty suspect by running rows that have about half of them on. It
// returns the flags of the one that failed on its own, or nil if it is none of them: more
// than two flags have to come together, or it fails now and then only.
func (g *guilty) narrow(on []int) ([]int, error) {
	for left := g.suspects(on); len(left) > 0; {
		half := left[0].flags
		if len(left) > 1 {
			half = g.halving(on, left)
		}
		levels := g.only(half)
		failed, err := g.try(half)
		if err != nil {
			return nil, err
		}
		if failed && len(left) == 1 {
			return half, nil
		}
		rest := slices.DeleteFunc(slices.Clone(left), func(s suspect) bool { return within(s.on, levels) != failed })
		if len(rest) == len(left) && len(left) > 1 {
			return nil, nil // nothing tells them apart
		}
		left = rest
	}
	return nil, nil
}

func indicesOn(levels []int) []int {
	var on []int
	for i, level := range levels {
		if level > 0 {
			on = append(on, i)
		}
	}
	return on
}

// within says that all of some flags are on.
func within(flags, levels []int) bool {
	return !slices.ContainsFunc(flags, func(i int) bool { return levels[i] == 0 })
}

// halving chooses flags that have about half of the suspects among them: it leaves out one
// flag after the other, as long as that comes nearer to the half.
func (g *guilty) halving(on []int, left []suspect) []int {
	among := func(flags []int) (count int) {
		levels := g.only(flags)
		for _, s := range left {
			if within(s.on, levels) {
				count++
			}
		}
		return count
	}
	chosen, distance := slices.Clone(on), len(left)
	for {
		var nearer []int
		for n := range chosen {
			without := slices.Delete(slices.Clone(chosen), n, n+1)
			count := among(without)
			if off := max(2*count-len(left), len(left)-2*count); count > 0 && count < len(left) && off < distance {
				nearer, distance = without, off
			} else if nearer == nil && count == len(left) {
				nearer = without // it is no suspect's, so there is nothing to lose
			}
		}
		if nearer == nil {
			break
		}
		chosen = nearer
	}
	if among(chosen) == len(left) {
		return left[0].flags
	}
	return chosen
}
