// Package proofpage writes the proof of a snapshot as one page of HTML that needs nothing
// else: no script, no font, no picture from elsewhere. It is pure. What it shows is in the
// proof itself; there are no values in it.
package proofpage
