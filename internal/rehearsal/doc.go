// Package rehearsal runs a candidate on the twin: the checks in order, their evidence,
// and the verdict. It declares the roles it needs (a stage, a door, a crowd, somebody
// who migrates) and never learns who plays them.
//
// A rehearsal's life:
//
//	queued → running → passed | failed | inconclusive | error
//	   └────────┴────→ cancelled
//
// While it runs, the stage is at a level, and each check says which level it needs:
//
//	empty → fresh (baseline on a new clone, traffic on it)
//	      → migrated (the candidate's migration ran)
//	      → switched (the candidate serves)
//
// The level is a matter of this process alone: the crowd and what it heard die with it.
// So after a crash nothing is guessed. Checks that have ended stand in the record and are
// kept; for the next one the stage is built anew from the golden snapshot, level by level,
// and the check runs from its beginning. That is why a rehearsal that was killed at any
// step ends as it would have otherwise. Intent and outcome of every check stand in the
// journal.
package rehearsal
