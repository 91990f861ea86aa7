// Package instance runs private servers of MariaDB or MySQL from the machine's own programs,
// for the twin's databases.
//
// # The life of a server
//
//	(nothing) ──made beside, then renamed──▶ stopped ──Start──▶ starting ──▶ running
//	                                            ▲                  │            │
//	                                            └──────────────────┴─Stop, kill─┘
//
// A server is a data directory. Whether it runs is asked of the machine each time (its note,
// the process, the socket), never remembered, and a lock file beside the directory orders
// what several programs do to it.
//
// A clone is a copy of the files of a stopped server: every engine, index and statistic
// comes along, and where the file system shares blocks it takes no time. It is made beside
// its place; the one that it replaces is set aside, and put back by the next Start or Clone
// when we die between the two renames.
//
// The servers refuse to run as root, so root's run as another user, who owns the directory.
// They listen on a socket only, in a folder that is closed to all but that user and root,
// and their administrator has no password.
package instance
