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

// Restore is a rollback that gives the databases back as they were before the migration. What
// was written since is lost, so a person asks for it.
type Restore struct {
	By    string         `json:"by"`
	After PromotionState `json:"after"`          // the state in which it was asked for
	Lost  *Lost          `json:"lost,omitempty"` // what it costs, counted when nobody wrote any more
	Asked time.Time      `json:"asked,omitzero"` // when nobody was let in any more
	Done  bool           `json:"done,omitempty"` // the databases are back
	// Failed is why they are not: nothing of them was changed then.
	Failed string   `json:"failed,omitempty"`
	Aside  []string `json:"aside,omitempty"` // what stood there, by the names it has now
}

// Lost is what is lost by restoring a safety copy.
type Lost struct {
	Copied time.Time `json:"copied"` // when the copy was begun
	// Rows are those written since the migration had ended, and Meanwhile those between the
	// copy and that moment, the migration's own among them. Nil: it is not known which are which.
	Rows      Written `json:"rows,omitempty"`
	Meanwhile Written `json:"meanwhile,omitempty"`
	Unknown   string  `json:"unknown,omitempty"` // why they could not be counted
}

// String is the loss as half a sentence.
func (l Lost) String() string {
	text := "all that was written since " + l.Copied.UTC().Format("2006-01-02 15:04:05 UTC")
	switch {
	case l.Unknown != "":
		return text + " (how many rows is not known: " + l.Unknown + ")"
	case l.Rows.Rows() == 0:
		text += ": no row is known to have been written since the migration"
	default:
		text += fmt.Sprintf(": about %d rows since the migration (%s)", l.Rows.Rows(), l.Rows)
	}
	if n := l.Meanwhile.Rows(); n > 0 {
		text += fmt.Sprintf(", and what others wrote among the %d rows between the safety copy and the end of the migration", n)
	}
	return text
}

// Stuck tells whether a promotion must not turn back by itself: its new release may have
// written what the old one cannot live with, and only restoring the databases, which loses
// what was written since, would help.
func (p Promotion) Stuck() bool {
	if !p.Restores || p.SafetyCopy == "" {
		return false
	}
	switch p.State {
	case PromotionSwitching, PromotionBaking, PromotionSettled:
		return !p.OldRunsOnNew || p.Restoration == nil || !p.Restoration.OldAfterNew
	}
	return false
}
