// Package sqlite reads, copies and clones databases of SQLite: single files.
//
// # The life of a copy
//
//	(nothing) ──working file beside the target──▶ filled ──forced to disk──▶ renamed: whole
//	    ▲                                           │
//	    └────────── error: working file removed ────┘
//
// The target is there whole or not at all. When we die on the way, the working file stays
// beside the target under a name of its own, is never read, and is removed by the next copy.
//
// Source and working file are open in one connection, and one transaction on the source
// gives the one moment. A source in WAL mode is written by others all the while; in the
// older journal modes SQLite lets nobody write while somebody reads, which a copy says.
//
// Tables without a mask go over inside SQLite, record by record as they are. Of the others
// every row passes through the masks; a value keeps its storage class. Indexes come after
// the rows, triggers last.
package sqlite
