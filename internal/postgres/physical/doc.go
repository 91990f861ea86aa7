// Package physical copies a PostgreSQL cluster by its files and masks one database of it
// in place: the twin keeps production's order, bloat and layout, and so its plans.
//
// # The way of a copy
//
//	take ──▶ tidy ──▶ recover ──▶ strip, decide ──▶ mask pages ──▶ rebuild ──▶ seal
//	files    files    server      server            no server      server      no server
//
// take is pg_basebackup, or a folder that somebody cloned. tidy leaves of the folder what
// PostgreSQL knows, with settings of our own. The server then recovers, closed off: on
// a socket only, without archive, replication or workers. strip takes away every other
// database and what leads out of it: subscriptions, user mappings, passwords. The masks are
// asked about every table; a column that they refuse ends the copy. With the server
// cleanly stopped, the values of masked columns are written over in the pages (package heap).
// What cannot be masked there, compressed and TOASTed values and masks that change lengths, is
// masked by rows afterwards, and its table written anew. Indexes on masked columns were
// declared unusable before the first page changed, so that none can lie; they are built
// again, constraints are tried, statistics forgotten and made. sealing removes the old
// write-ahead log, and files that belong to nothing, and flushes everything to disk.
//
// # When things go wrong
//
// All of it happens in a folder beside the one that was asked for, which is renamed at
// the very end: a directory of that name is a finished copy. What a crash leaves has the
// working name, may hold production's values, is never started by anybody else, and
// is removed by the next copy. An error removes it at once.
package physical
