package combination

import (
	"math/rand/v2"
	"slices"
)

// attempts is how often IPOG is tried, each time in another order. The smallest result is taken.
const attempts = 40

// ipog is In-Parameter-Order-General for pairs, with constraints and rows that are there
// already: the rows cover the flags so far, and each further flag is first given the level
// that covers most in every row, then rows for what is still missing. What is as good is
// chosen by chance, by the same chance in every run.
func (s *Space) ipog(fixed [][]int) [][]int {
	m := s.meetings()
	order := make([]int, len(s.factors))
	for i := range order {
		order[i] = i
	}
	random := rand.New(rand.NewPCG(1, 2))
	var best [][]int
	for attempt := range attempts {
		if attempt > 0 {
			random.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		}
		slices.SortStableFunc(order, func(a, b int) int { return len(s.factors[b].Levels) - len(s.factors[a].Levels) })
		g := growing{meetings: m, met: make([]bool, m.width*m.width), random: random}
		grown := m.prune(g.grow(fixed, order), len(fixed))
		if best == nil || len(grown) < len(best) {
			best = grown
		}
	}
	return best
}

// meetings are the pairs of a level of one flag and one of another. A level has a number
// among all levels of all flags, and a pair has one made of the two.
type meetings struct {
	space *Space
	first []int  // the number of each flag's first level
	width int    // how many levels there are
	legal []bool // by pair: there is a legal row that has it
}

func (s *Space) meetings() *meetings {
	m := &meetings{space: s, first: make([]int, len(s.factors))}
	for i, f := range s.factors {
		m.first[i] = m.width
		m.width += len(f.Levels)
	}
	m.legal = make([]bool, m.width*m.width)
	levels := s.nothing()
	for j := range s.factors {
		for i := range j {
			for a := range s.factors[i].Levels {
				for b := range s.factors[j].Levels {
					levels[i], levels[j] = a, b
					m.legal[m.of(i, a, j, b)] = s.extendable(levels)
				}
			}
			levels[i], levels[j] = unset, unset
		}
	}
	return m
}

// of is a pair's number, whichever flag is named first.
func (m *meetings) of(i, a, j, b int) int {
	v, w := m.first[i]+a, m.first[j]+b
	return min(v, w)*m.width + max(v, w)
}

// growing is one attempt.
type growing struct {
	*meetings
	met    []bool // by pair: it is in a row
	open   [][]int
	random *rand.Rand
}

// grow makes an array for all flags, one flag after the other.
func (g *growing) grow(fixed [][]int, order []int) [][]int {
	for _, row := range fixed {
		for i := range row {
			g.mark(row, i)
		}
	}
	for n, flag := range order {
		for _, row := range g.open {
			g.extend(row, flag, order[:n])
		}
		for _, other := range order[:n] {
			for a := range g.space.factors[flag].Levels {
				for b := range g.space.factors[other].Levels {
					if g.wanted(flag, a, other, b) {
						g.place(flag, a, other, b)
					}
				}
			}
		}
	}
	rows := slices.Clone(fixed)
	for _, row := range g.open {
		rows = append(rows, g.space.complete(row))
	}
	return rows
}

func (g *growing) wanted(i, a, j, b int) bool {
	pair := g.of(i, a, j, b)
	return g.legal[pair] && !g.met[pair]
}

// mark notes what a flag meets in a row.
func (g *growing) mark(row []int, flag int) {
	for other, level := range row {
		if other != flag && level != unset && row[flag] != unset {
			g.met[g.of(flag, row[flag], other, level)] = true
		}
	}
}

// extend gives a row the level of a flag with which it covers most; none if it would cover
// nothing.
func (g *growing) extend(row []int, flag int, earlier []int) {
	best, covered := unset, 0
	levels := len(g.space.factors[flag].Levels)
	first := g.random.IntN(levels)
	for n := range levels {
		level, count := (first+n)%levels, 0
		for _, other := range earlier {
			if row[other] != unset && g.wanted(flag, level, other, row[other]) {
				count++
			}
		}
		if row[flag] = level; count > covered && g.space.extendable(row) {
			best, covered = level, count
		}
	}
	row[flag] = best
	g.mark(row, flag)
}

// place puts a pair into the first row that leaves room for it, or into a new one.
func (g *growing) place(i, a, j, b int) {
	fits := func(row []int) bool {
		x, y := row[i], row[j]
		if (x != a && x != unset) || (y != b && y != unset) {
			return false
		}
		if row[i], row[j] = a, b; g.space.extendable(row) {
			return true
		}
		row[i], row[j] = x, y
		return false
	}
	n := slices.IndexFunc(g.open, fits)
	if n < 0 {
		n = len(g.open)
		g.open = append(g.open, g.space.nothing())
		g.open[n][i], g.open[n][j] = a, b
	}
	g.mark(g.open[n], i)
	g.mark(g.open[n], j)
}

// prune leaves out rows after the fixed ones of which the others cover everything.
func (m *meetings) prune(rows [][]int, fixed int) [][]int {
	times := make([]int, m.width*m.width)
	for _, row := range rows {
		m.count(row, times, 1)
	}
	for n := len(rows) - 1; n >= fixed; n-- {
		if m.count(rows[n], times, -1) {
			rows = slices.Delete(rows, n, n+1)
		} else {
			m.count(rows[n], times, 1)
		}
	}
	return rows
}

// count adds to how often each pair of a row is there, and says whether all still are.
func (m *meetings) count(row, times []int, by int) bool {
	all := true
	for j := range row {
		for i := range j {
			pair := m.of(i, row[i], j, row[j])
			times[pair] += by
			all = all && times[pair] > 0
		}
	}
	return all
}
