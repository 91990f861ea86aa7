// Package parity holds two environments against each other: what each of them was found to
// be goes in, what differs, how much it weighs and what could not be seen comes out. It
// looks at nothing by itself.
package parity
