// Package commitgate holds the commits of some sessions of a private server until somebody
// has looked at the locks that they still hold, and reads the server's log meanwhile.
//
// The gate is a standby that the server waits for. A session takes part that commits with
// synchronous_commit = remote_apply: its transaction is written to the log and over, but it
// keeps all its locks until the gate says that it has read so far, which the gate does when
// its [Spec.Hold] has returned. The log marks such commits, so the gate lets all others pass
// at once; sessions with synchronous_commit = local never wait for it. Between held commits
// the log is not sent but in bursts; a session in the server listens for a commit that waits.
//
//	         watchdog, stream             SET, signals         RESET
//	closed ───────────────────▶ reading ──────────────▶ armed ───────▶ held ── Close ──▶ closed
//	                               ▲                      │             │
//	                               └───────── released ◀──┴─────────────┘
//
// # When things go wrong
//
// A standby that does not answer would make commits wait for ever. Therefore:
//
//   - The setting (synchronous_standby_names) is on disk for the moment only in which two
//     processes of the server are told to read it: the checkpointer, which keeps what sessions
//     wait by, and the gate's own sender. The postmaster never has it, so that a server that starts anew or restarts after
//     a crash is without, and any reload of the configuration takes it back.
//   - The server itself watches the gate: a session in it, which goes on when we are gone,
//     looks ten times a second whether the gate has spoken within a second. If not, it
//     reloads the configuration, and cancels the waiting of whoever waits still (such a
//     commit is whole, the session gets a warning). It ends when nobody can wait any more.
//   - What was on disk when we were killed goes with the next start of the cluster, or the
//     next start that finds it running; until then the watchdog cancels.
//
// The gate proves with commits of its own that it holds when it is armed, that it has
// held to the end, and that it holds nobody after. When it has not held to the end, it says so.
package commitgate
