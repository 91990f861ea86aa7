// Package mysql reads and copies databases of MariaDB (10.6 and newer) and MySQL (8.0 and
// newer). Private servers for the twin's databases are mysql/instance.
//
// # One moment
//
// A copy reads over several connections that see the same moment. Where the account may
// (RELOAD on MariaDB and MySQL), commits are held back while the connections open their
// snapshots, for some milliseconds: by BACKUP STAGE BLOCK_COMMIT on MariaDB, which waits
// for no running query, by FLUSH TABLES WITH READ LOCK on MySQL, given up after
// [lockPatience]. Where it may not, one connection reads everything. Tables of engines
// without transactions, MyISAM for one, have no moment: the copy says so of each.
//
// # Nothing half done
//
//	target empty ──plan (reads only)──▶ planned ──tables, rows, keys, code──▶ verified
//	     ▲                                  │                  │
//	     └────────── refused ───────────────┴── error: all of it is dropped again
//
// When we die on the way, the target keeps what was made, and the next copy refuses it
// as not empty: its caller drops the database and makes it anew.
//
// # Schema changes meanwhile
//
// The definitions are read before the moment and again after the last row; any difference
// is an error of KindConflict. Whoever waits to change a table that is being read is seen
// by a guard, and the copy gives way.
package mysql
