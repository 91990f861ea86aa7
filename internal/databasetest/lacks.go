package databasetest

import "strings"

// Engine is an engine of databases.
type Engine string

// The engines of the suite.
const (
	Postgres Engine = "PostgreSQL"
	MySQL    Engine = "MariaDB, MySQL"
	SQLite   Engine = "SQLite"
)

// Ability is something that most engines do for the twin, and not all, as it reads behind
// "does not".
type Ability string

// The abilities that an engine may lack.
const (
	ClearsUp       Ability = "empty its target again after an error"
	Comments       Ability = "show the comments of columns to the masking rules"
	Accounts       Ability = "copy accounts and grants, so that code runs as its owner"
	ReadsParallel  Ability = "read one moment over several connections"
	RefusesReaders Ability = "refuse an account that may not read everything, naming the GRANT"
	Connections    Ability = "end a copy, leaving nothing, when its connection is cut"
	Passwords      Ability = "keep a password out of errors about addresses"
	Guards         Ability = "give way to a schema change in production"
	TypedColumns   Ability = "refuse values that do not fit their column"
	Follows        Ability = "keep a copy current from production's changes"
	Indexes        Ability = "copy every index of full text"
	History        Ability = "copy the history of versioned tables"
	BatchMasks     Ability = "mask several rows or columns at once (shuffle, own programs)"
)

// Lack is an ability that an engine does not have, and why or what is done instead.
type Lack struct {
	Engine  Engine
	Ability Ability
	Why     string
}

// Lacks is the whole table of what engines do not do.
func Lacks() []Lack {
	return []Lack{
		{Postgres, ClearsUp, "the database of an unfinished copy is dropped by who made it"},
		{MySQL, Accounts, "accounts are the server's: code of the database runs with the rights of who owns the copy"},
		{MySQL, ReadsParallel, "only with the right RELOAD; else one connection reads everything. Tables without transactions (MyISAM, Aria) are read when their turn comes"},
		{MySQL, History, "versioned tables arrive with their present rows"},
		{MySQL, Follows, "a fresh copy is made"},
		{SQLite, Accounts, "a file has none"},
		{SQLite, Comments, "SQLite keeps none but in the text of CREATE TABLE"},
		{SQLite, ReadsParallel, "one connection reads a file; in the older journal modes nobody writes meanwhile"},
		{SQLite, RefusesReaders, "who may read the file may read all of it"},
		{SQLite, Connections, "there is no connection that could be cut"},
		{SQLite, Passwords, "an address is a path"},
		{SQLite, Guards, "a schema change waits for nothing: the copy goes on reading its moment"},
		{SQLite, TypedColumns, "only columns of STRICT tables have a type that holds"},
		{SQLite, Indexes, "contentless FTS5 tables cannot be read back, and arrive empty"},
		{SQLite, Follows, "a fresh copy is made"},
	}
}

// Has tells whether an engine has an ability.
func (e Engine) Has(a Ability) bool {
	for _, l := range Lacks() {
		if l.Engine == e && l.Ability == a {
			return false
		}
	}
	return true
}

// Table is what engines do not do, as documentation shows it.
func Table() string {
	var b strings.Builder
	b.WriteString("| engine | does not | because, or instead |\n| --- | --- | --- |\n")
	for _, l := range Lacks() {
		b.WriteString("| " + string(l.Engine) + " | " + string(l.Ability) + " | " + l.Why + " |\n")
	}
	return b.String()
}
