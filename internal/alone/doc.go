// Package alone casts the commands that work without a project or a daemon, for people
// who want one thing only: copying a database masked, or deciding what is masked.
package alone
