// Package promotion brings a rehearsed release to production, watches it, and takes it
// back. All that it knows of a rehearsal is the attestation.
//
// A promotion's life:
//
//	planned → gated → preparing → switching → baking → settled
//	   │        └──────────┴──────────┴─────────┴────────┴──→ rolling back → rolled back
//	   └→ refused
//
// Each state's work is idempotent and its end is written down before the next begins, so
// a promotion that was killed goes on in the state it had reached: it looks at the gate
// again, finds the safety copy made, runs the migration command again (which skips what
// is done), finds the new release started, sets the split it was at. The router keeps
// serving with the split it has, whoever dies.
//
// From gated on, whatever goes wrong leads back: the pointer returns to the old release,
// which was kept warm, the new one is drained and stopped, and a hold follows, so that
// nothing is promoted again before a person has looked. A rollback is never rolled back
// by itself. The expanded schema stays: that the old release runs on it was rehearsed.
package promotion
