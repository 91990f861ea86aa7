// Package promotion brings a rehearsed release to production, watches it, and takes it
// back. All that it knows of a rehearsal is the attestation.
//
// A promotion's life:
//
//	planned → gated → preparing → switching → baking → settled ⇄ contracting → contracted
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
//
// Of a release whose way back is to restore the databases, the same holds only where the old
// release was seen to run on what the new one wrote. Else it stays where it is until a person
// decides: restoring loses what was written since, which nobody does by itself. Asked for, the
// rollback shuts the door, exchanges the databases in one step, and starts the old release
// anew; where that cannot be done the promotion is settled again, and nothing was changed. A
// rollback that left the databases as they are may be followed by one that restores them.
//
// Settled, a release may be contracted: what only the old one needs is taken away, which is
// stopped before that begins. From there no way leads back, whoever dies; a contract migration
// that does not run through leaves the promotion settled, to be tried again.
//
// People's wishes come as the cause with which a promotion's context ends: GoBack, and Settle
// where the bake waits for traffic that does not come.
package promotion
