// Package load visits an application as its users would: journeys arrive at a constant
// rate, whether or not earlier ones have ended (an open model).
//
//	schedule  |  1   2   3   4   5   6   7   8   …      absolute times, 1/rate apart
//	server    |──1──|──2──|      stalled      |─3─|─4─|─5─…
//	latency         3: ├──────────────────────────┤   from when it was due, not from when
//	                4:     ├──────────────────────────┤   there was somebody to send it
//
// A closed loop would have sent nothing while the server stalled, and reported one slow
// request. Here every visitor who would have come has come, and has waited. The
// generator's own lateness (how long after its due time a request left) is measured, so
// that a busy machine is not mistaken for a slow application.
//
// The first step of a journey is due when the journey arrives, each later one when the
// step before it has ended. A step that fails ends its journey. When more journeys are
// under way than InFlight, arrivals are dropped, and counted as such: the figures are
// then no longer those of an open model, and say so.
package load
