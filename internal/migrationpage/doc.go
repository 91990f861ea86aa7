// Package migrationpage draws what was seen of a migration along the time: its statements,
// the locks that it held and waited for, and who waited for it; as a picture that needs
// nothing else, readable in light and dark, and as text for a terminal. It is pure: the same
// observation gives the same drawing. Every text of the observation is escaped.
package migrationpage
