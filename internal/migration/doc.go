// Package migration runs the team's own migration command and turns what was observed
// meanwhile into findings. It parses no migration format and knows no database engine
// by name: whoever runs the command and whoever watches the database are handed in.
//
// Run is used twice, and identically: in the rehearsal and in the promotion. The
// command gets the same lock timeout and the same number of tries in both, so that
// what was rehearsed is what happens.
package migration
