// Package paritypage draws how the likeness of two environments went: the figure along the
// time, which kinds of difference came and went below it, and where releases were promoted;
// as a picture that needs nothing else, readable in light and dark. It is pure: the same
// history gives the same picture. Every text of the history is escaped.
package paritypage
