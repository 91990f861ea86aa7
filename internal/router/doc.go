// Package router is the front door: a process of its own that gives every request to
// one deployment, moves requests from an old release to a new one without losing any,
// and counts what each release did with them.
//
// # The picture
//
//	         control (unix socket, HTTP+JSON)          Client speaks it
//	              │
//	           router ── change: record → state file → adopt
//	              │
//	listener ─▶ doorway ─▶ hall ─▶ front ── one lock: closure, hold (pause), split, slots, claims
//	              ┌──────────────────┘ claim
//	       ┌──────┴──────┐
//	     slot A        slot B          one per deployment; figures per release
//	       │ route        │
//	      pool           pool          chooses among what is fit; sends again where that is safe
//	    ┌───┴───┐          │
//	 target  target     target         one per instance; connections, looks, what became of requests
//
// A doorway takes connections: it counts them (crowd), hears what a balancer says of them
// (PROXY), closes TLS around them (certificates) and hands each (guest) to a hall, which is
// an http.Server with the limits of its time. A front may have a second doorway, which
// sends http to https.
//
// A request is given a slot, and is counted as one of that slot's claims, under the
// same lock that Pause, Resume and Split take. So there is no moment at which a request
// has passed the pause but not chosen, or has chosen a slot that nobody knows it is in:
// a drain that sees no claims has seen the last one. Everything slow is done outside
// the lock.
//
// # A slot's life
//
//	added ──Split──▶ serving ──Split away──▶ idle ──Drain──▶ drained ──Remove──▶ gone
//	                    ▲                     │  │
//	                    └────────Split────────┴──┘   (a drain under way then ends in conflict)
//
// # Changes
//
// What a front should be is a record: plain data that is edited by pure functions, is
// written to the state file, and is only then adopted by the live front. Restoring
// after a restart is the same adoption.
//
// # When things fail
//
//   - Killed at any moment: the state file was replaced whole or not at all; the next
//     start serves what it says. Figures start anew.
//   - The state file is damaged: its equal copy is used and a problem is recorded. Both
//     damaged: the router refuses to start; it never serves an empty table by mistake.
//   - One record is damaged, or its port is taken: that front is a problem, kept in the
//     file as it is; the others serve.
//   - A certificate cannot be read or had: the last good one is shown, and the problem told.
//   - A client floods, crawls or sends nonsense: it loses its connection; nobody else notices.
//   - A target does not answer: another one is asked, where that is safe; else 502, counted
//     as an error of its release. A target that does so more than its siblings is ejected.
//   - No target is well: requests go out all the same, and it is told.
//   - The client of a Drain leaves: the waiting ends, nothing else does.
//   - An upgrade's new copy does not become ready: it is ended, the old one goes on.
//   - The daemon dies: nothing here notices.
package router
