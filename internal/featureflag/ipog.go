package featureflag

import (
	"math/rand/v2"
	"slices"
)

// attempts is how many orders of the flags IPOG is tried with. The smallest result is taken.
const attempts = 12

// ipog is In-Parameter-Order-General for pairs, with constraints and rows that are there
// already: the rows cover the flags so far, and each further flag is first given the level
// that covers most in every row, then rows for what is still missing. The orders it tries
// are the same in every run.
func (s *Space) ipog(fixed [][]int) [][]int {
	order := make([]int, len(s.factors))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return len(s.factors[b].Levels) - len(s.factors[a].Levels) })
	random := rand.New(rand.NewPCG(1, 2))
	var best [][]int
	for attempt := range attempts {
		if attempt > 0 {
			random.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
			slices.SortStableFunc(order, func(a, b int) int { return len(s.factors[b].Levels) - len(s.factors[a].Levels) })
		}
		grown := s.prune(s.grow(fixed, order), len(fixed))
		if best == nil || len(grown) < len(best) {
			best = grown
		}
	}
	return best
}

// meeting is a level of one flag together with one of another; the lower flag first.
type meeting struct{ i, a, j, b int }

func meet(i, a, j, b int) meeting {
	if i > j {
		return meeting{j, b, i, a}
	}
	return meeting{i, a, j, b}
}

// grow makes an array for all flags, one flag after the other.
func (s *Space) grow(fixed [][]int, order []int) [][]int {
	var open [][]int
	for n, flag := range order {
		missing := s.missing(flag, order[:n], append(slices.Clone(fixed), open...))
		for _, row := range open {
			s.extend(row, flag, order[:n], missing)
		}
		for _, m := range s.ordered(missing) {
			open = s.place(open, m)
		}
	}
	rows := slices.Clone(fixed)
	for _, row := range open {
		rows = append(rows, s.complete(row))
	}
	return rows
}

// missing are the meetings of a flag with earlier ones that are legal and in no row yet.
func (s *Space) missing(flag int, earlier []int, rows [][]int) map[meeting]bool {
	missing := map[meeting]bool{}
	for _, other := range earlier {
		for a := range s.factors[flag].Levels {
			for b := range s.factors[other].Levels {
				levels := s.nothing()
				levels[flag], levels[other] = a, b
				if s.extendable(levels) {
					missing[meet(flag, a, other, b)] = true
				}
			}
		}
	}
	for _, row := range rows {
		for _, other := range earlier {
			delete(missing, meet(flag, row[flag], other, row[other]))
		}
	}
	return missing
}

// extend gives a row the level of a flag with which it covers most; none if it would cover
// nothing.
func (s *Space) extend(row []int, flag int, earlier []int, missing map[meeting]bool) {
	if row[flag] != unset {
		return
	}
	best, covered := unset, 0
	for level := range s.factors[flag].Levels {
		count := 0
		for _, other := range earlier {
			if missing[meet(flag, level, other, row[other])] {
				count++
			}
		}
		if row[flag] = level; count > covered && s.extendable(row) {
			best, covered = level, count
		}
	}
	row[flag] = best
	for _, other := range earlier {
		delete(missing, meet(flag, best, other, row[other]))
	}
}

// ordered are meetings in an order that is the same in every run.
func (s *Space) ordered(missing map[meeting]bool) []meeting {
	found := make([]meeting, 0, len(missing))
	for m := range missing {
		found = append(found, m)
	}
	slices.SortFunc(found, func(x, y meeting) int {
		return slices.Compare([]int{x.i, x.j, x.a, x.b}, []int{y.i, y.j, y.a, y.b})
	})
	return found
}

// place puts a meeting into the first row that leaves room for it, or into a new one.
func (s *Space) place(open [][]int, m meeting) [][]int {
	for _, row := range open {
		a, b := row[m.i], row[m.j]
		if (a != m.a && a != unset) || (b != m.b && b != unset) {
			continue
		}
		if row[m.i], row[m.j] = m.a, m.b; s.extendable(row) {
			return open
		}
		row[m.i], row[m.j] = a, b
	}
	row := s.nothing()
	row[m.i], row[m.j] = m.a, m.b
	return append(open, row)
}

// prune leaves out rows after the fixed ones of which the others cover everything.
func (s *Space) prune(rows [][]int, fixed int) [][]int {
	times := map[meeting]int{}
	count := func(row []int, by int) {
		for j := range row {
			for i := range j {
				times[meeting{i, row[i], j, row[j]}] += by
			}
		}
	}
	for _, row := range rows {
		count(row, 1)
	}
	for n := len(rows) - 1; n >= fixed; n-- {
		if count(rows[n], -1); s.needs(rows[n], times) {
			count(rows[n], 1)
			continue
		}
		rows = slices.Delete(rows, n, n+1)
	}
	return rows
}

func (s *Space) needs(row []int, times map[meeting]int) bool {
	for j := range row {
		for i := range j {
			if times[meeting{i, row[i], j, row[j]}] == 0 {
				return true
			}
		}
	}
	return false
}
