// Package migrationtest is the one suite that the watcher of every engine passes. A test in
// each watcher's room says how things are done there; what an engine does not show is in one
// table, which the documentation shows.
package migrationtest

import (
	"context"
	"testing"

	"understudy"
)

// Subject is a watcher under test: what it does, and its engine's dialect as data.
type Subject struct {
	Engine  Engine
	Acts    Acts
	Dialect Dialect
}

// Acts are what is done with a database of the engine. A place is whatever leads to one.
type Acts struct {
	// Empty makes an empty database that ends with the test.
	Empty func(t *testing.T) (place string)
	// Watch begins to watch a place; stop ends it, and says what was seen.
	Watch func(t *testing.T, place string) (stop func(t *testing.T) understudy.Observation)
	// Session opens a session that ends with the test: of the migration, or of the
	// application, which is called shop.
	Session func(t *testing.T, place string, migration bool) Session
	// Left is what a watch may have changed about the server: settings, sessions, objects.
	Left func(t *testing.T, place string) string
}

// Session runs statements one after the other.
type Session interface {
	Exec(ctx context.Context, statement string) error
}

// Dialect is how an engine writes what SQL leaves open.
type Dialect struct {
	// Filled are statements that fill a table with columns id, status and note, whose values
	// are 1, 2, …; 'new'; and 32 letters each, with so many rows.
	Filled func(table string, rows int) []string
	// Big is how many rows make a table that takes a while to write anew, and more than 1 MB.
	Big int
	// Relation is a table as observations name it, Locked what a lock on it is said to be on.
	Relation, Locked func(table string) string
	// Slow builds an index called by_note on orders (note) while nobody can write, Online the
	// same while others write.
	Slow, Online string
	// Rewrite writes table orders anew, and changes the type of its column id.
	Rewrite []string
	// Hold has the session keep others from writing to orders until Release.
	Hold, Release []string
	// DropIndex drops by_note.
	DropIndex string
}
