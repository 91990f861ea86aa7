// Package census gathers, in one pass over a PostgreSQL database that others work with, all
// that is compared of it to measure parity: its server and settings, the schema with owners
// and grants, the roles that matter to it, the rows of tables, positions of sequences, and
// statistics of columns.
//
//	Take ── one read-only transaction ──▶ settings · objects · roles · rows · statistics ──▶ parity.Database
//	          every statement is over the catalog, by attempt, and cancelled after a second
//	Plan ── the same ──▶ the busiest statements of one side, planned on either
//
// It needs no right but to connect. Whatever the server keeps from the role, or does not
// answer in time, is left out and said in a sentence that tells what would let it be seen.
//
// No value of a column that is masked or personal leaves the server: of those the lengths of
// bounds and shares of unnamed values are read. Bounds of other columns are kept in
// a parity.Spread, which shows them to nobody.
package census
