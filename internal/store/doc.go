// Package store keeps Understudy's records: one type, in SQLite on one machine or in
// PostgreSQL for several daemons. A record is a JSON document with a kind ("release",
// "rehearsal", …) and an ID. What a kind means is nobody's business here.
//
// # What holds
//
// When a method that writes returns nil, the write survives a power cut. Update is a
// compare-and-swap: of two at once, the second sees what the first wrote. Records come
// back in the order in which they were created. One that cannot be read is one error
// that names it, and never hides the others.
//
// A lease (Claim) is held by one holder at a time, by the clock of the database; a
// clock that is set back neither ends a lease early nor keeps a dead one for long.
//
// # When things fail
//
//	SQLite file damaged     Open refuses, names the newest backup that is whole and the
//	                        command that brings it back
//	SQLite file missing     Open refuses too: store.id beside it says that there was one
//	                        (it is written once, after the first store was made whole)
//	schema is newer         Open refuses; nothing is changed
//	process killed          what was acknowledged stands; leases run out by themselves
package store
