// Package cluster runs private PostgreSQL clusters made from the machine's own binaries:
// their roles and databases, clones of databases, and safety copies.
//
// # The life of a cluster
//
//	(nothing) ──initdb beside, then renamed──▶ stopped ──Start──▶ starting ──▶ running
//	                                              ▲                  │            │
//	                                              └──────────────────┴─Stop, kill─┘
//
// A cluster is a data directory. Whether it runs is asked of the machine each time
// (postmaster.pid, the process, the socket), never remembered: a [Cluster] is only a
// description, several of them may describe the same directory, also in several
// programs, and one lock file beside the directory orders what they do.
//
// # When things go wrong
//
//   - We die during initdb: what is half made stands beside the directory under another
//     name, is never started, and is made again at the next Start.
//   - We die during Start: the server goes on starting, because it is a process of its
//     own; the next Start finds it and waits for it.
//   - The server dies: the next Start lets it recover from its write-ahead log. A
//     postmaster.pid whose process is gone, or is another program's by now, is set aside.
//   - The directory looks odd (another major version, a foreign owner, no PG_VERSION, a
//     missing pg_control): Start says so in one sentence and touches nothing. No function
//     of this package deletes or makes anew a data directory.
//   - A clone or a restore is made under a working name and renamed when it is whole, so
//     that a name never stands for half a database; working names left behind by a crash
//     are dropped by the next clone or restore of the same name.
//
// # Who may do what
//
// PostgreSQL refuses to run as root, so root's clusters run as another user ([RunAs]),
// who owns the data directory. Over the Unix socket everybody is trusted, and therefore
// the folder of the socket is closed to all but that user (and root); over TCP the server
// listens on 127.0.0.1 only and wants a password.
package cluster
