// Package yield lets work that can wait give way to work that cannot, on one machine: a
// copy's threads and servers to production, and who watches an application to it. Where
// nobody else wants the processor it costs nothing.
//
// Where the system shares the processor among sessions first (Linux's autogroups), being
// nice within one's own session changes nothing for the others, so a session that is ours
// alone is made nice as a whole, and a program whose whole work can wait is moved to one. All
// of these are wishes: a system that does not know one of them, or refuses it, leaves the work
// as it was.
package yield
