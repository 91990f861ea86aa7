package understudy

import "fmt"

// Subset says which part of a database a twin takes: rows of root tables, and with them every row that they
// cannot be without. Tables are named schema.table; partitions follow their table.
type Subset struct {
	Roots map[string]SubsetRoot `json:"roots"` // by table
	// Children are tables whose rows come along when they refer to a row that a root
	// chose, or that came along so; EveryTable for all tables.
	Children []string `json:"children,omitempty"`
	// Keys are foreign keys that the database does not know of.
	Keys []VirtualKey `json:"keys,omitempty"`
}

// EveryTable, among Subset.Children, stands for all tables.
const EveryTable = "*"

// SubsetRoot is which rows of a table a subset begins with. The zero value is all of them.
type SubsetRoot struct {
	Share float64 `json:"share,omitempty"` // of its rows, above 0 and up to 1; 0: all
	Where string  `json:"where,omitempty"` // condition over its columns, as SQL writes it; the share is of these
	By    string  `json:"by,omitempty"`    // column of whose every value the share is taken
}

// VirtualKey is a foreign key that is kept though not declared: the values of Columns in Table are those of To in
// References, or one of them is NULL.
type VirtualKey struct {
	Table      string   `json:"table"`
	Columns    []string `json:"columns"`
	References string   `json:"references"`
	To         []string `json:"to"`
}

func (k VirtualKey) String() string {
	return fmt.Sprintf("%s %v to %s %v", k.Table, k.Columns, k.References, k.To)
}
