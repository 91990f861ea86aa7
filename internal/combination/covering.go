package combination

import "slices"

// Cover returns rows among which every two variants of two flags come together that legally
// can. The first row has every flag off, the next are the given ones, and as many follow as
// are needed. The same space gives the same rows.
//
// For flags that are on or off, without constraints and without rows given, there is no
// smaller number of rows. Otherwise the rows come from IPOG, which is near it.
func (s *Space) Cover(given ...Row) ([]Row, error) {
	fixed := [][]int{make([]int, len(s.factors))}
	for _, row := range given {
		levels, err := s.levels(row)
		if err != nil {
			return nil, err
		}
		fixed = append(fixed, levels)
	}
	if len(given) == 0 && s.isPlain() {
		return s.rows(exact(len(s.factors))), nil
	}
	return s.rows(s.ipog(fixed)), nil
}

// Alone are the rows in which one flag is on, with what it requires: one for each variant.
func (s *Space) Alone() []Row {
	var rows []Row
	for i, f := range s.factors {
		for level := 1; level < len(f.Levels); level++ {
			levels := s.nothing()
			levels[i] = level
			if s.extendable(levels) {
				rows = append(rows, s.row(s.complete(levels)))
			}
		}
	}
	return rows
}

func (s *Space) nothing() []int {
	levels := make([]int, len(s.factors))
	for i := range levels {
		levels[i] = unset
	}
	return levels
}

func (s *Space) rows(levels [][]int) []Row {
	rows := make([]Row, len(levels))
	for i := range levels {
		rows[i] = s.row(levels[i])
	}
	return rows
}

// isPlain says that all flags are on or off, and nothing constrains them.
func (s *Space) isPlain() bool {
	return s.free && !slices.ContainsFunc(s.factors, func(f Factor) bool { return len(f.Levels) != 2 })
}

// exact is the smallest covering array for k flags that are on or off: N rows, of which the
// first is all off; the columns below it are words of N-1 bits of which half are set, rounded
// up, each another one. Two such words meet in 1 and 1 as they are long enough, in 1 and 0
// and in 0 and 1 as they are as heavy and not equal; 0 and 0 are in the first row. There are
// no more columns for N rows (Kleitman and Spencer; Katona).
func exact(k int) [][]int {
	n := 1
	if k > 0 {
		for n = 2; choices(n-1, (n+1)/2) < k; n++ {
		}
	}
	rows := make([][]int, n)
	for i := range rows {
		rows[i] = make([]int, k)
	}
	word := make([]int, (n+1)/2) // the places that are set, ascending
	for i := range word {
		word[i] = i
	}
	for column := range k {
		for _, place := range word {
			rows[place+1][column] = 1
		}
		nextChoice(word, n-1)
	}
	return rows
}

// choices is how many ways there are to choose m of n, at most a large number.
func choices(n, m int) int {
	ways := 1
	for i := 1; i <= min(m, n-m); i++ {
		if ways = ways * (n + 1 - i) / i; ways > 1<<40 {
			return ways
		}
	}
	return ways
}

// nextChoice moves to the next way, in the order of words.
func nextChoice(word []int, n int) {
	for i := len(word) - 1; i >= 0; i-- {
		if word[i] < n-len(word)+i {
			word[i]++
			for j := i + 1; j < len(word); j++ {
				word[j] = word[j-1] + 1
			}
			return
		}
	}
}
