// Package subsetting chooses a subset of a PostgreSQL database by the rules of package
// subset: it reads, in one moment that the copy then shares, and writes nothing.
//
// A row is known by where it lies (its ctid, in its own partition): a number of 48 bits whatever the table's key is, with
// one or without, and the quickest way to find it again. Where a row lies holds only for
// the moment it was read in, and only while nobody rewrites the table: therefore every
// table is locked against that, as pg_dump does (ACCESS SHARE: everything else goes on),
// in the transaction of the moment, which has to stay open until the rows are copied.
//
// Links are followed by the server: what many new rows refer to is one statement for many
// rows, so that it can use an index or read the table once, as it sees fit. A foreign
// key without an index on its own columns costs one reading of the table for each round
// in which children are asked for over it; [Choose] tells of those.
package subsetting
