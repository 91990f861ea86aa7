// Package laboratory tries one migration in every way that a rehearsal asks for: forward and
// back under watch, behind a long transaction, killed on its way, twice at once. It plays
// the rehearsal's migrator for whoever has copies of a database and a place to run the
// team's command in: the daemon for a release, and the command that rehearses a migration
// alone.
package laboratory
