package migration

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"understudy"
	"understudy/internal/check"
)

// Mirror is a copy on which the migration is run undisturbed, to hold the data of the bench
// against what that leaves.
type Mirror interface {
	// Undisturbed makes the mirror anew, lets the migration be run there, and says what data is there
	// then; nil where it did not run through. Where shifted, the numbers that the engine gives to new rows
	// stand elsewhere than on a fresh copy, as after a transaction that was rolled back.
	Undisturbed(ctx context.Context, shifted bool, run func(context.Context, Commander) (through bool, err error)) (json.RawMessage, error)
	// Data is the bench's as it is now.
	Data(ctx context.Context) (json.RawMessage, error)
	// Compare says how data differs from other data.
	Compare(was, is json.RawMessage) ([]understudy.DataChange, error)
	// Rows names rows of a table that are not on the bench as they are on the mirror, in columns that
	// are not left out.
	Rows(ctx context.Context, table string, without []string) (string, error)
}

// Strayed is data of one table that an undisturbed run leaves otherwise.
type Strayed struct {
	Table string   `json:"table"`
	What  []string `json:"what"`
	Rows  string   `json:"rows,omitempty"`
}

func (s Strayed) String() string {
	text := strings.Join(s.What, ", ")
	if s.Rows != "" {
		text += " (" + s.Rows + ")"
	}
	return text
}

// Held is how the data that an experiment left was held against undisturbed runs.
type Held struct {
	Strayed  []Strayed `json:"strayed,omitempty"` // what differs from an undisturbed run's
	Compared bool      `json:"compared"`          // whether data was compared
	Varies   []string  `json:"varies,omitempty"`  // columns left out of that: undisturbed runs do not agree on them
	Unheld   string    `json:"unheld,omitempty"`  // why an undisturbed run leaves nothing to compare with
}

// said ends the summary of what ended well: nothing where data was not compared, and what was
// left out of that where two undisturbed runs do not agree.
func (h Held) said() string {
	switch {
	case !h.Compared:
		return ""
	case len(h.Varies) > 0:
		return ", with the data of an undisturbed run but for " + someOf(h.Varies, 3) + ": two of them do not agree on that"
	}
	return ", with the data of an undisturbed run"
}

// Undisturbed are the runs that experiments are held against. Two of them agree on what the data
// and the migration decide. On what else is in a row, the time or chance or how far a sequence
// has come, they do not, and so nothing can be said of it. The second is made where
// something differs from the first. What is known stays so for the next experiment, on the
// same snapshot; whoever knows nothing, as after a crash, makes the runs again.
type Undisturbed struct {
	Mirror        Mirror
	first, second json.RawMessage
	varies        []understudy.DataChange // between the two
	failed        string                  // how one of them did not run through; empty: both did, as far as they were made
	told          bool                    // that was found
}

// hold says what data on the bench is not that of an undisturbed run, and what was not
// compared. Of nobody it compares nothing.
func (u *Undisturbed) hold(ctx context.Context, lab Lab) (held Held, err error) {
	if u == nil {
		return held, nil
	}
	is, err := u.Mirror.Data(ctx)
	if err != nil {
		return held, err
	}
	if u.first == nil && u.failed == "" {
		if u.first, err = u.run(ctx, lab, false); err != nil {
			return held, err
		}
	}
	if u.first == nil {
		return Held{Unheld: u.failed}, nil
	}
	changes, err := u.Mirror.Compare(u.first, is)
	if changes = ofValues(changes); err != nil || len(changes) == 0 {
		return Held{Compared: err == nil}, err
	}
	if u.second == nil && u.failed == "" {
		if err := u.again(ctx, lab); err != nil {
			return held, err
		}
	}
	if u.second == nil {
		return Held{Unheld: u.failed}, nil
	}
	held = Held{Compared: true, Varies: uncompared(u.varies)}
	held.Strayed, err = u.named(ctx, settled(changes, u.varies))
	return held, err
}

// again makes the second run, and says on what it does not agree with the first.
func (u *Undisturbed) again(ctx context.Context, lab Lab) (err error) {
	if u.second, err = u.run(ctx, lab, true); err != nil || u.second == nil {
		return err
	}
	u.varies, err = u.Mirror.Compare(u.first, u.second)
	return err
}

// run makes an undisturbed run, and gives no data where that does not run through. The second
// start of a service is one more than the first was, as what every start writes for itself is
// not the migration's.
func (u *Undisturbed) run(ctx context.Context, lab Lab, shifted bool) (json.RawMessage, error) {
	where, times := "on a fresh copy, with nobody else there", 1
	if shifted {
		where = "on a fresh copy whose sequences have gone on by one"
	}
	if shifted && lab.Boots {
		where, times = where+", started twice", 2
	}
	return u.Mirror.Undisturbed(ctx, shifted, func(ctx context.Context, command Commander) (bool, error) {
		for range times {
			ran, err := lab.runsBy(ctx, command, 0)
			if err != nil {
				return false, err
			}
			if !ran.OK() {
				u.failed = where + ", it " + endOf(ran)
				return false, nil
			}
		}
		return true, nil
	})
}

// found is the finding that one of the runs did not run through: once, though no experiment
// can be held against them.
func (u *Undisturbed) found() []understudy.Finding {
	if u == nil || u.failed == "" || u.told {
		return nil
	}
	u.told = true
	return []understudy.Finding{check.Find(check.MigrationUnsteady, "", u.failed, nil)}
}

// named gathers changes by table, with the rows that they are in.
func (u *Undisturbed) named(ctx context.Context, changes []understudy.DataChange) (all []Strayed, err error) {
	for _, c := range changes {
		last := len(all) - 1
		if last < 0 || all[last].Table != c.Table {
			rows, err := u.Mirror.Rows(ctx, c.Table, varyingOf(c.Table, u.varies))
			if err != nil {
				return nil, fmt.Errorf("naming the rows that differ in %s: %w", c.Table, err)
			}
			all, last = append(all, Strayed{Table: c.Table, Rows: rows}), last+1
		}
		all[last].What = append(all[last].What, straying(c))
	}
	return all, nil
}

// straying is one change in words.
func straying(c understudy.DataChange) string {
	switch {
	case c.Column == "":
		return fmt.Sprintf("%s has %d rows in place of %d", c.Table, c.Is, c.Was)
	case c.Is != c.Was:
		return fmt.Sprintf("%s.%s has %d values in place of %d", c.Table, c.Column, c.Is, c.Was)
	}
	return fmt.Sprintf("%s.%s has other values", c.Table, c.Column)
}

// ofValues leaves out what is a difference of the schemas, which are compared by themselves.
func ofValues(changes []understudy.DataChange) []understudy.DataChange {
	return slices.DeleteFunc(slices.Clone(changes), func(c understudy.DataChange) bool {
		return !slices.Contains([]string{"rows lost", "rows added", "values changed"}, c.Change)
	})
}

// settled leaves out what two undisturbed runs do not agree on: a column, or all of a table
// of which they do not even leave equally many rows.
func settled(changes, varies []understudy.DataChange) []understudy.DataChange {
	return slices.DeleteFunc(slices.Clone(changes), func(c understudy.DataChange) bool {
		return slices.ContainsFunc(varies, func(v understudy.DataChange) bool {
			return v.Table == c.Table && (v.Column == c.Column || v.Column == "")
		})
	})
}

func varyingOf(table string, varies []understudy.DataChange) (columns []string) {
	for _, v := range varies {
		if v.Table == table && v.Column != "" {
			columns = append(columns, v.Column)
		}
	}
	return columns
}

// uncompared names the columns and tables of which nothing is said.
func uncompared(varies []understudy.DataChange) []string {
	names := map[string]bool{}
	for _, v := range varies {
		names[strings.TrimSuffix(v.Table+"."+v.Column, ".")] = true
	}
	return slices.Sorted(maps.Keys(names))
}
