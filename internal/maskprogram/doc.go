// Package maskprogram runs masks that a team has written itself: programs that are given
// rows and answer with rows.
//
// # The protocol
//
// For every batch of rows of a table the program is started anew. On its standard input it
// reads one JSON object a row, one to a line, with the columns that mask.yaml gave to it;
// every value is a text, as the database writes it, or null:
//
//	{"email":"anna@example.com","phone":null}
//
// Then its input ends. For each row, in the same order, it writes one object with the same
// columns to its standard output, one to a line, and ends with status 0 once it has answered
// all. It may answer while it still reads. It sees no environment but PATH, HOME, LANG and
// TMPDIR, and works in the folder that the caller works in.
//
// One start for each batch costs some milliseconds in 10,000 rows, and buys that a program
// has no life beside the copy's: nothing is left over when a copy is cancelled, and nothing
// is remembered from one batch to the next.
//
// # When it fails
//
//	start ──▶ answering ──▶ all answered, input and output ended, status 0 ──▶ rows replaced
//	  │           │
//	  └───────────┴── it cannot be started · it ends too early or with another status · it says
//	                  nothing for the limit · it answers too few or too many rows, or what is no
//	                  such object · the caller's context ends
//	                        └──▶ it and all that it started is killed; one error; no row changed
//
// The error names the program and the row's number, never a value; what the program wrote
// to its standard error is thrown away, for it may hold some.
package maskprogram
