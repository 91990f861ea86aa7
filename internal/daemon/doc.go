// Package daemon is the stage manager: the one place that sees every room. It casts the
// instruments in the roles that the acts and the doors ask for, starts what must run, and
// after a crash goes on with what was under way.
//
// What outlives it: the router, the supervisors with the services, the database servers.
// What it keeps: the store, the journal, artifacts, keys, evidence, all below the state
// directory. At start it takes a lock, verifies the journal, opens the store (and
// refuses to begin blank), sees that the router answers, brings back what should be up,
// and runs on every rehearsal and promotion that had not ended. Where daemon and router are
// services of the machine it waits for the router instead of starting it.
//
// It follows its own journal: what an entry has to say to somebody goes into an outbox, and
// from there to channels; see news and notify. What keeps live twins
// current ends with it and goes on with the next one; see following.
package daemon
