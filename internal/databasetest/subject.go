// Package databasetest is the one suite that every engine of the twin's databases passes.
// An adapter in the tests of each engine's room says how things are done there; what an
// engine does not do is in one table, which the documentation shows.
package databasetest

import (
	"context"
	"testing"

	"understudy"
)

// Subject is an engine under test: what it does, and its dialect as data.
type Subject struct {
	Engine  Engine
	Acts    Acts
	Dialect Dialect
}

// Acts are what an engine of the twin does. URLs are in the engine's own form.
type Acts struct {
	Empty    func(t *testing.T) (url string) // an empty database that ends with the test
	Run      func(ctx context.Context, url, statement string) error
	Rows     func(ctx context.Context, url, query string) ([]string, error) // columns joined by "|", NULL as "NULL"
	Columns  func(ctx context.Context, url string, samples int) (map[string][]understudy.Column, error)
	Copy     func(ctx context.Context, source, target string, masks understudy.Masks) (understudy.DatabaseCopy, error)
	Schema   func(ctx context.Context, url string) ([]string, error)
	Prints   func(ctx context.Context, url string) (understudy.DataPrint, error)
	Version  func(ctx context.Context, url string) (string, error)
	Settings func(ctx context.Context, url string) (map[string]string, error)
	// Clone makes a clone of a database, which ends with the test; Reset makes it anew in the
	// same place. Both are URLs afterwards.
	Clone func(t *testing.T, url string) (clone string, reset func() error)
	// Cut ends every connection to a database but its own.
	Cut func(ctx context.Context, url string) error
	// Stranger is a URL of the same database for an account that may read part of it, and
	// the words in which the missing right has to be granted.
	Stranger func(t *testing.T, url string) (stranger, grant string)
}

// Dialect is how an engine writes what SQL leaves open.
type Dialect struct {
	Quote func(name string) string
	// TableName is a table as rules write it.
	TableName func(name string) string
	// Everything makes one of each kind of thing that a database of the engine can hold,
	// with rows, in an empty database.
	Everything []string
	// Still are queries whose answers are the same in a faithful copy of Everything: where
	// counters stand, what views show.
	Still []string
	// Refused are statements that the rules of Everything refuse, in production and in a copy.
	Refused []string
	// Values are literals by name, with the type of a column that holds them.
	Values map[string][2]string
	// Described makes table described, with columns id (a key), mail (unique), parent
	// (nullable, to id), and twice (generated from id) if the engine has such.
	Described []string
	// Wrong is a URL with the password "hunter2" that leads nowhere.
	Wrong string
}
