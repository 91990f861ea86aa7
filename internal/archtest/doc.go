// Package archtest holds the rules of the house as tests: which room may know which,
// how long a file and a function may be, what has to be documented. They read the
// sources themselves, so a rule that is broken fails the build and not a review.
//
// A new room is added to the table in rooms_test.go in the change that adds the room.
package archtest
