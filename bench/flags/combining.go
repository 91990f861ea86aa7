package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"understudy/bench/figures"
	"understudy/internal/combination"
)

// published are the sizes that pairwise.org gives for PICT, or that PICT's own run gave
// for flags that are on or off (10, 15 and 35 of them).
func published() []struct {
	name   string
	levels []int
	rows   float64
} {
	many := func(levels, times int) []int { return slices.Repeat([]int{levels}, times) }
	return []struct {
		name   string
		levels []int
		rows   float64
	}{
		{"10 flags on or off", many(2, 10), 8},
		{"15 flags on or off", many(2, 15), 10},
		{"35 flags on or off", many(2, 35), 12},
		{"100 flags on or off", many(2, 100), 15},
		{"4 flags of 3 variants", many(3, 4), 9},
		{"13 flags of 3 variants", many(3, 13), 18},
		{"15 of 4, 17 of 3 and 29 of 2", slices.Concat(many(4, 15), many(3, 17), many(2, 29)), 37},
		{"1 of 4, 39 of 3 and 35 of 2", slices.Concat(many(4, 1), many(3, 39), many(2, 35)), 27},
		{"20 flags of 10 variants", many(10, 20), 210},
	}
}

// combining counts rows. Ours always have the one with everything off.
func (b *bench) combining(context.Context) error {
	began := time.Now()
	for _, p := range published() {
		factors := make([]combination.Factor, len(p.levels))
		for i, levels := range p.levels {
			factors[i].Key = fmt.Sprint("flag-", i)
			for level := range levels {
				factors[i].Levels = append(factors[i].Levels, fmt.Sprint(level))
			}
		}
		space, err := combination.NewSpace(factors)
		if err != nil {
			return err
		}
		rows, err := space.Cover()
		if err != nil {
			return err
		}
		target := 1.05
		if !slices.ContainsFunc(p.levels, func(n int) bool { return n != 2 }) {
			target = 1
		}
		b.note(figures.Against("rows for every pair: "+p.name, float64(len(rows)), "rows", "PICT", p.rows, target, 0))
	}
	b.note(figures.Alone("making all of these arrays", time.Since(began).Seconds()*1000, "ms", 0, 0))
	return nil
}
