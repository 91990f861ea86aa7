// Package mysqlwatch watches a database of MariaDB or MySQL while a migration runs, and
// says what it held, whom it kept waiting, and what it left: an understudy.Observation.
//
// # Where the facts come from
//
//	performance_schema
//	  events_statements   each statement of the migration: when, how many rows, failed; exact
//	  events_transactions when each transaction ended, and how; exact
//	  events_waits        who waited for which table's metadata lock, and how long; exact.
//	                      Which tables a statement opened, for reading or writing; exact
//	  events_stages       how a table was altered: copied, rebuilt in place, or neither; exact
//	  metadata_locks      what is held and wanted now; looked at again and again
//	information_schema
//	  INNODB_LOCK_WAITS   who waits for a row; looked at again and again (on MySQL data_lock_waits)
//	  INNODB_SYS_TABLES   identities of tables and indexes, before and after: another one is a rewrite
//	  TABLES, COLUMNS, …  the catalogue, before and after
//
// The histories are rings. They are read so often that nothing is overwritten unread; if it
// was, the observation says so and is not marked exact.
//
// No SQL is parsed. That a statement altered a table is told by the server's name of the
// event and by the table that it opened, and how it did by its stages. A statement's text,
// without its values, is the server's own digest; a text is searched for a name only to say
// which of several statements took a table away.
//
// # Whose a session is
//
// The migration's are known by their user, or by the connection attribute program_name. A
// user of its own is the surer: the server counts the connections of each, so that one that
// was too short to be looked at is not taken for nobody's.
//
// # What is changed on the server
//
// The consumers and instruments that are needed are switched on, and put back as they were
// at the end. A server without performance_schema shows less: statements and waits are then
// looked for in the list of processes, and the observation says so.
package mysqlwatch
