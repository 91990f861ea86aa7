// Package twin makes an environment the likeness of another, and measures how alike the
// two are. It decides; a Studio does: whoever can look at production, copy its data and
// keep snapshots is handed in.
package twin
