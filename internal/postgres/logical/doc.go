// Package logical copies a PostgreSQL database through its rows: one exported snapshot,
// read by COPY, masked in the stream and loaded into an empty database, with no file
// between.
//
//	plan            schema           try        rows                indexes      constraints   statistics
//	rights, tables, roles, database, 50 rows of reader ─▶ maskers   the largest  foreign keys, analyse,
//	masks, pg_dump  extensions,      each table   └▶ in order ─▶    first, side  the rest in   count,
//	                pre-data         with masks      one writer     by side      pg_dump's     verify
//	                                                                             order
//	├── the source's snapshot is held, and watched ──────────────┤
//
// The watch looks at the source four times a second. It paces the readers while others
// are at work there, stands them still above the load agreed, and ends the copy when a
// session waits for its locks, when the snapshot is held too long, or when it is gone.
//
// What happens when something breaks:
//   - A connection of a reader or writer is cut: its table, which is written in one
//     transaction, is begun again on fresh connections, three times with growing pauses.
//     A mask that works on batches is given the table from its first row again.
//   - The session that holds the snapshot is cut, or the source restarts: nobody can see
//     that moment any more. The copy ends, and says so.
//   - The connection of the watch is cut: it looks again over another one; not for long,
//     as an unwatched copy might hold production up.
//   - The target refuses a row, its disk is full, or this program is killed: the copy is
//     over, and the target unfinished, to be dropped by whoever made it. Nothing resumes
//     across programs: the snapshot ends with the program that held it.
//
// A row passes through memory as a whole, about three times over where it is wide; all
// else is bounded.
package logical
