// Package lockwatch watches what a migration does to a database while it runs: the locks
// it takes, who waits for them, and the tables it rewrites.
package lockwatch
