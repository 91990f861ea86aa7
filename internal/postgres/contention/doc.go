// Package contention plays the other sessions of a database on a copy of it: a transaction
// that stays open, simple requests that queue behind a waiting lock, and the looks that tell
// whether somebody waits. It belongs to experiments on copies that nobody else uses, where
// every session but its own is the one that is tried.
package contention
