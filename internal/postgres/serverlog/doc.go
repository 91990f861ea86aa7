// Package serverlog reads the log that a PostgreSQL server of ours writes: who waited for
// which lock behind whom and for how long, and which errors it gave to whom.
//
// The server has to write it in [Prefix], in English, with times in UTC. The file is read
// while it grows, from where it ended at the beginning; a message is handed over when it
// is whole, and what stands in other forms is passed over.
package serverlog
