// Package follow keeps a masked copy of a database current: it receives production's
// changes by logical replication, masks them as the copy was masked, and applies them in
// the order of production's commits, whole transactions only.
//
//	Prepare ─► copy at Prepared.Snapshot ─► Prepared.Joined ─► Run ⇄ Pause, Resume
//	  slot       (logical.Copy)               origin             │
//	                                                             ├─ ctx ends: Run goes on another time
//	                                                             └─ it cannot go on: the slot is dropped,
//	                                                                a fresh copy begins at Prepare
//
// The join has no gap: the slot's changes begin exactly where its snapshot ends, and the
// copy reads that snapshot.
//
//	Run ends with a Drift ─► Renew ─► copy at Renewal.Snapshot ─► Joined ─► it takes the old one's place ─► Run
//	  the slot stays          │         │ changed tables: production
//	                          │         └ all others: the old copy, brought to the same place within a
//	                          └ a slot for a moment only            transaction that is never committed
//
// Whatever ends this between Drift and Run, the old copy, its position and its slot are as
// they were. Whether a table has changed is not told by its columns alone: one that was
// dropped and made again looks the same. So what its rows in the copy rest on (which table
// it is, its file, its columns by their numbers, its rules) is noted with the copy as prints.
//
// # Failure story
//
// How far the twin is stands in a replication origin of its server, which a transaction
// moves with its own commit: data and position cannot come apart, and the twin's database
// holds no object of ours. The origin is named after the database's oid, so a database put
// in the place of another one is never taken for it. Production is told of a position only
// when the twin has it on disk.
//
//   - A connection is cut, or a server restarts: Run connects again and goes on from the
//     origin. A commit whose answer was lost is found there.
//   - The program is killed: the same, with the next Run.
//   - The twin's server loses what it had confirmed (fsync off, a disk restored): the slot
//     stands beyond the origin, and Run refuses, as production does not send it again.
//   - Production's schema changes: Run stops with a [Drift], and the slot stays. Renew finds
//     the moment for a new copy, of which only the changed tables are read from production.
//   - The follower stays away or is too slow: production keeps its log for the slot. Beyond
//     Spec.MaxRetained Run drops the slot. While no Run is there to look, production's own
//     max_slot_wal_keep_size is the only guard.
//
// Not in the stream, and therefore not followed: sequences (read now and then, and at each
// pause), unlogged tables, materialized views, large objects, roles and grants.
package follow
