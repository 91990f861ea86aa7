package understudy

import (
	"fmt"
	"maps"
	"slices"
)

// DataPrint is the fingerprint of a database's rows, by table: enough to tell what was
// lost, added or changed between two moments without keeping a value. Prints are compared
// with those of the same engine.
type DataPrint map[string]TablePrint

// TablePrint is the fingerprint of one table.
type TablePrint struct {
	Rows    int64                  `json:"rows"`
	Columns map[string]ColumnPrint `json:"columns"`
}

// ColumnPrint is the fingerprint of one column. Sum adds up the hashes of its values'
// text forms, so the order of rows does not matter; values that only change places
// between rows leave it as it is.
type ColumnPrint struct {
	Present int64  `json:"present"` // rows in which it is not NULL
	Sum     string `json:"sum"`
}

// DataChange is one difference between the rows of two moments, for people.
type DataChange struct {
	// Change is "table gone", "table new", "rows lost", "rows added", "column gone",
	// "column new" or "values changed".
	Change string `json:"change"`
	Table  string `json:"table"`
	Column string `json:"column,omitempty"`
	// Was and Is count rows for a table, and values that are not NULL for a column.
	Was int64 `json:"was"`
	Is  int64 `json:"is"`
}

// String is the change as a sentence.
func (c DataChange) String() string {
	switch c.Change {
	case "table gone":
		return fmt.Sprintf("table %s is gone, with %d rows", c.Table, c.Was)
	case "table new":
		return fmt.Sprintf("table %s is new, with %d rows", c.Table, c.Is)
	case "rows lost":
		return fmt.Sprintf("%s lost %d rows: %d before, %d after", c.Table, c.Was-c.Is, c.Was, c.Is)
	case "rows added":
		return fmt.Sprintf("%s has %d more rows: %d before, %d after", c.Table, c.Is-c.Was, c.Was, c.Is)
	case "column gone":
		return fmt.Sprintf("column %s.%s is gone, with %d values", c.Table, c.Column, c.Was)
	case "column new":
		return fmt.Sprintf("column %s.%s is new, with %d values", c.Table, c.Column, c.Is)
	default:
		return fmt.Sprintf("values of %s.%s changed: %d not null before, %d after", c.Table, c.Column, c.Was, c.Is)
	}
}

// Diff lists what changed from a to b, sorted by table and column. Where rows were lost
// or added, columns are compared only by what became of their values: a sum that differs
// because there are other rows is not named again for each column, unless the number
// of values does not follow the number of rows.
func (a DataPrint) Diff(b DataPrint) []DataChange {
	var changes []DataChange
	for _, table := range bothKeys(a, b) {
		was, had := a[table]
		is, has := b[table]
		switch {
		case !has:
			changes = append(changes, DataChange{Change: "table gone", Table: table, Was: was.Rows})
		case !had:
			changes = append(changes, DataChange{Change: "table new", Table: table, Is: is.Rows})
		default:
			changes = append(changes, diffTable(table, was, is)...)
		}
	}
	return changes
}

func diffTable(table string, was, is TablePrint) []DataChange {
	var changes []DataChange
	switch {
	case is.Rows < was.Rows:
		changes = append(changes, DataChange{Change: "rows lost", Table: table, Was: was.Rows, Is: is.Rows})
	case is.Rows > was.Rows:
		changes = append(changes, DataChange{Change: "rows added", Table: table, Was: was.Rows, Is: is.Rows})
	}
	for _, column := range bothKeys(was.Columns, is.Columns) {
		before, had := was.Columns[column]
		after, has := is.Columns[column]
		change := DataChange{Table: table, Column: column, Was: before.Present, Is: after.Present}
		switch {
		case !has:
			change.Change = "column gone"
		case !had:
			change.Change = "column new"
		case valuesChanged(was, is, before, after):
			change.Change = "values changed"
		default:
			continue
		}
		changes = append(changes, change)
	}
	return changes
}

func valuesChanged(was, is TablePrint, before, after ColumnPrint) bool {
	if was.Rows == is.Rows {
		return before != after
	}
	return after.Present-before.Present != is.Rows-was.Rows && before.Present != after.Present
}

func bothKeys[V any](a, b map[string]V) []string {
	all := maps.Clone(a)
	if all == nil {
		all = map[string]V{}
	}
	maps.Copy(all, b)
	return slices.Sorted(maps.Keys(all))
}
