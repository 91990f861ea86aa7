// Package wal reads PostgreSQL's write-ahead log as servers stream it, versions 13 to 18:
// which transaction wrote what, which relations it locked against everything, which files
// it made, and how it ended.
//
// The log is a sequence of pages, each with a header, and of records that go on over as many
// pages as they need. A [Reader] takes pieces of any length, finds the first whole record,
// and hands over one after another; it keeps no more than the record it is in. What this
// program needs of a record stands in its header, in the names of the blocks it touches and
// in a few bytes that have been the same in all these versions; everything else is passed over.
//
// Numbers are in the byte order of the machine that wrote them, which has to be this one's.
package wal
