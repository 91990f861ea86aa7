// Package sqlitewatch watches a SQLite database while a migration runs, from outside, and
// says how long nobody else could write or read, and what the migration left: an
// understudy.Observation.
//
// # Locks
//
// SQLite has no server that could be asked; its locks are locks of the system on bytes of
// the file, or, in WAL mode, of the -shm file beside it. Linux lists them with their holders
// in /proc/locks, so they are read there, every two milliseconds, and nothing is locked by
// looking. (A prober that tries to write would see the same, and be seen: a migration
// without a busy_timeout fails when it meets one.) A lock that was too short to be looked
// at is known from the schema's own counter, without its length.
//
//	RESERVED   somebody writes; readers still get in    WRITE   the same in WAL mode
//	EXCLUSIVE  a commit, or a spilled cache: nobody gets in
//
// Who waits is not known to anybody but himself: he asks again until his busy_timeout is
// over. What is told is how long someone who came when the lock was taken could not get in.
//
// # Whose a lock is
//
// By the process: every one is the migration's but ours, unless the caller tells them apart.
//
// # What was changed
//
// The schema before and after, with rows counted. A table whose root page is another one was
// written anew, however that was done: the new table, filled and renamed, is the usual way.
// SQLite itself writes every row anew to drop a column. What the statements were is not
// seen: they ran inside the migration's process.
package sqlitewatch
