// Package subset decides which part of a big database a twin takes: rows of root tables,
// by a share or a condition, and with them every row without which they could not be. It
// is pure; who can read the database answers its questions ([Rows]).
//
// # Which rows
//
// Rows are taken for one of two reasons, and the difference keeps a subset small:
//
//		root rule ──▶ core ──asked links, towards children──▶ core
//		               │
//		               └──every link, towards parents──▶ support ──every link──▶ support
//
//	  - A row is core when a root rule chose it, or when it refers to a core row over a link whose
//	    children were asked for: the orders of the chosen customers.
//	  - A row is support when a chosen row refers to it: the product that was ordered. It brings
//	    what it refers to itself, and no children: else the product would bring
//	    everybody's orders, and these everything.
//
// The subset is the least set of which that holds. It is found by following links from
// the rows that are new until none are, so that circles and tables that refer to
// themselves need no care; no link leads out of it, whatever the order.
//
// A table that no path of links joins to a root is taken whole (versions of the schema,
// settings), unless a rule says otherwise. A table that is joined is taken as far as it is needed.
//
// # Which share
//
// A keyed hash of a row's own key decides, so that the same rows are chosen each time, also when
// others come and go, and nobody without the key can tell which. With a column to go by,
// each of its values gets its own share, exact to one row, so that what depends on it keeps its
// distribution. The key stays where the masks' key is.
//
// # Memory
//
// Rows are numbers of 48 bits (where they lie) in compressed bitmaps: two bytes a row
// where few are chosen, an eighth where most are. A share by a column also holds one
// number for each row that it has chosen so far, and a count for each value.
package subset
