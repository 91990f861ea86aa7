// Package understudy holds the words and the rules of Understudy: what a release,
// a rehearsal, a finding, a verdict and a promotion are, which moves their lives
// allow, and how a verdict follows from checks.
//
// It is the vocabulary of the whole program, so it imports the standard library
// only and touches nothing: no file, no network, no clock of its own. Rooms below
// internal/ do the work and speak in these words.
//
// A newcomer reads, in this order: application.go (what a team ships), release.go
// (what is rehearsed), rehearsal.go and check.go (what is done with it), verdict.go
// (what comes out), promotion.go (what that permits).
package understudy
