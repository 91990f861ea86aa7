// Command report prints how well columns are classified, and writes it to
// bench/results/classification.json. It ends with status 1 when a bar is missed.
package main

import (
	"fmt"
	"os"
	"slices"

	"understudy/bench/classification"
	"understudy/bench/figures"
)

func main() {
	met, err := run()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
	}
	if err != nil || !met {
		os.Exit(1)
	}
}

func run() (met bool, err error) {
	list, err := classification.Figures()
	if err != nil {
		return false, err
	}
	if err := figures.Print(os.Stdout, list); err != nil {
		return false, err
	}
	met = !slices.ContainsFunc(list, func(f figures.Figure) bool { return f.Met != nil && !*f.Met })
	return met, figures.Write("classification", list)
}
