package sqltraffic

import "strings"

// Table is what has to be known of a table to make usual traffic on it. Names are written
// as the engine wants them in statements.
type Table struct {
	Name    string     // for people
	Quoted  string     // for statements
	Columns []string   // quoted, all that can be read
	Key     []string   // quoted: the columns that tell rows apart
	Changes string     // quoted: a column that may be written; empty: rows are only read
	Keys    [][]string // some values of these columns, as text; none: the table is empty
}

// Usual makes for each table what nearly every application does: reading a row by its key,
// naming its columns, and changing one, to what it is, which is rolled back. Place writes the
// placeholder of an argument from 1. Tables without rows have no traffic.
func Usual(tables []Table, place func(n int) string) []Statement {
	var out []Statement
	for _, t := range tables {
		if len(t.Keys) == 0 {
			continue
		}
		var is []string
		for i, column := range t.Key {
			is = append(is, column+" = "+place(i+1))
		}
		where := " WHERE " + strings.Join(is, " AND ")
		out = append(out, Statement{
			Name: "read " + t.Name, Weight: 3, Rows: t.Keys,
			SQL: "SELECT " + strings.Join(t.Columns, ", ") + " FROM " + t.Quoted + where,
		})
		if t.Changes != "" {
			out = append(out, Statement{
				Name: "change " + t.Name, Weight: 1, Rows: t.Keys, Undo: true,
				SQL: "UPDATE " + t.Quoted + " SET " + t.Changes + " = " + t.Changes + where,
			})
		}
	}
	return out
}
