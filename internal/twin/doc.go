// Package twin makes an environment the likeness of another. It decides; a Studio does:
// whoever can look at production, copy its data and keep snapshots is handed in.
package twin
