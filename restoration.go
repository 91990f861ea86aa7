package understudy

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Restores tells whether a release's way back is its databases' safety copy.
func (m *Migration) Restores() bool { return m != nil && m.Back == WayRestore }

// Restoration is what a rehearsal saw of the way back by the safety copy: it was taken, read
// back and put in place, the outcome was what had been there before, and the old release
// served on it.
type Restoration struct {
	Copied time.Duration `json:"copied"` // to take the copy
	Bytes  int64         `json:"bytes"`  // that it has
	Took   time.Duration `json:"took"`   // to go back, from the door's closing until the old release was ready
	// Low and High are what that lets expect of production, Basis what they rest on.
	Low   time.Duration `json:"low"`
	High  time.Duration `json:"high"`
	Basis string        `json:"basis,omitempty"`
	// OldAfterNew: the old release was seen to work on the new schema after the new one had
	// written there, so that traffic may go back to it with the databases left as they are.
	OldAfterNew bool `json:"oldAfterNew,omitempty"`
}

// Range says what to expect of production: "4 s to 9 s".
func (r Restoration) Range() string { return Span(r.Low, r.High) }

// Written counts rows written by table.
type Written map[string]int64

// Since is what was written after an earlier count.
func (w Written) Since(before Written) Written {
	out := Written{}
	for table, n := range w {
		if more := n - before[table]; more > 0 {
			out[table] = more
		}
	}
	return out
}

// Rows are those of all tables.
func (w Written) Rows() (all int64) {
	for _, n := range w {
		all += n
	}
	return all
}

// mostNamed is how many tables are named; of the others it is said how many there are.
const mostNamed = 5

// String names the tables with the most rows: "orders 312, users 20, and 3 other tables".
func (w Written) String() string {
	tables := slices.SortedFunc(maps.Keys(w), func(a, b string) int { return cmp.Or(cmp.Compare(w[b], w[a]), strings.Compare(a, b)) })
	var named []string
	for _, table := range tables[:min(len(tables), mostNamed)] {
		named = append(named, fmt.Sprintf("%s %d", table, w[table]))
	}
	if more := len(tables) - len(named); more > 0 {
		named = append(named, fmt.Sprintf("and %d other tables", more))
	}
	return strings.Join(named, ", ")
}
