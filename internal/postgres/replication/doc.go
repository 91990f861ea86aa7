// Package replication speaks PostgreSQL's streaming replication protocol: it identifies a
// server, makes and drops replication slots, and receives either its log as it is
// (physical) or the changes of rows decoded from it (logical, by the plugin pgoutput,
// which every server from version 10 on has).
//
// A [Conn] goes through these states:
//
//	            CreateSlot, DropSlot, Identify
//	               ┌────────┐
//	Dial ──────► idle ◄─────┘
//	               │ StartLogical, StartPhysical
//	               ▼
//	           streaming ── Receive, SendStatus
//	               │ the server ends it, the network does, or Close
//	               ▼
//	             ended
//
// A server holds its log back for a slot until the client says with [Conn.SendStatus] that
// it has it, and ends a client that says nothing for wal_sender_timeout. What a client has
// not confirmed is sent again after the next start, so whoever confirms only what is on
// disk loses nothing whenever either side stops.
//
// Sources: the chapters "Streaming Replication Protocol" and "Logical Replication Message
// Formats" of PostgreSQL's documentation.
package replication
