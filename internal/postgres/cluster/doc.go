// Package cluster runs private PostgreSQL clusters made from the machine's own binaries:
// their roles and databases, clones of databases, and safety copies.
//
// # The life of a cluster
//
//	(nothing) ──initdb beside, then renamed──▶ stopped ──Start──▶ starting ──▶ running
//	                                              ▲                  │            │
//	                                              └──────────────────┴─Stop, kill─┘
//	stopped ──StartForLoading──▶ unsealed ──Seal──▶ running; any ──Remove──▶ (nothing)
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
//     missing pg_control): Start says so in one sentence and touches nothing. Only Remove and
//     Replace, whose callers ask for it, delete a data directory.
//   - A clone or a safety copy that is read back is made under a working name and renamed when
//     it is whole, so that a name never stands for half a database; working names left behind
//     by a crash are dropped by the next one of the same name.
//   - Databases are put back to their safety copies in one transaction. What stood there stays
//     under another name, by which it is known after a crash that it was done.
//
// # Loading
//
// A golden copy is loaded faster by a server that cares for no crash: no fsync, no log for
// new tables, no autovacuum, the machine's memory for indexes ([Cluster.StartForLoading]). fsync is a matter
// of the whole server, so a crash of the machine meanwhile would damage every database it
// holds, not only the one being loaded. Therefore only a cluster without databases worth
// keeping is loaded so: one of its own, which takes the old one's place ([Cluster.Replace]) when it is sealed,
// and until then the old one goes on. (A database cannot move between clusters: its files
// name transactions of theirs.)
//
// A mark beside the directory is written before the first careless byte and removed when
// everything is flushed. It names the run of the machine it was written in. The owner
// learns what became of a load from Start:
//
//   - We or the server die: the system still holds every byte that the server wrote. Start lets
//     the server recover, seals, and goes on. Which databases are whole is for the owner's
//     records to say, who writes one after Seal.
//   - The machine dies: some bytes reached the disk and others did not. Start, Seal and
//     StartForLoading refuse (KindRefused); the owner removes the cluster and loads again.
//
// # Clones
//
// A clone is made by the best way that the machine has ([Strategy]), and says which and why: blocks shared
// where a trial shows that files in the data directory can, else the faster of the
// server's own two ways, by a measurement made once for each data directory and kept beside it.
//
// Before version 18 the server knows no shared blocks, so they are shared beside it while it
// runs, in steps that each leave the template as it was, and the clone's name unused until the last:
//
//		hold template ─▶ create empty ─▶ rename, unseen ─▶ empty folder ─▶ share blocks ─▶ take over ─▶ commit
//		 (its lock)       (2 checkpoints)  (its lock)                       (flushed)       (ages, roles)
//
//	  - The server's own locks on both databases are held by an open transaction, so that no
//	    session, not even autovacuum, has pages of either in memory or changes one.
//	  - The empty database is copied from template0 as files: none of its pages are in the
//	    server's memory, where they would hide the shared files. The checkpoint before it
//	    writes out all of the template, unlogged tables too; the one after it sees to it
//	    that no recovery puts the empty files back.
//	  - The shared files are on disk before the transaction that gives them their name.
//	  - The server must not forget transactions that the files still name, nor drop roles that their
//	    objects need: the template's datfrozenxid, datminmxid and pg_shdepend are taken over.
//
// A standby of such a cluster would not see the shared files; private clusters have none.
//
// # Who may do what
//
// PostgreSQL refuses to run as root, so root's clusters run as another user ([RunAs]),
// who owns the data directory. Over the Unix socket everybody is trusted, and therefore
// the folder of the socket is closed to all but that user (and root); over TCP the server
// listens on 127.0.0.1 only and wants a password.
package cluster
