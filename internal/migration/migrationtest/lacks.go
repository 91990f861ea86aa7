package migrationtest

import "strings"

// Engine is an engine whose databases are watched.
type Engine string

// The engines of the suite.
const (
	Postgres Engine = "PostgreSQL"
	MySQL    Engine = "MariaDB, MySQL"
	SQLite   Engine = "SQLite"
)

// Ability is something that most engines show of a migration, and not all, as it reads
// behind "does not".
type Ability string

// The abilities that an engine may lack.
const (
	Statements Ability = "show the migration's statements"
	Short      Ability = "show every statement of the migration, however short"
	Tables     Ability = "lock one table: a lock is on the whole database"
	Waiters    Ability = "name who waited, and for which statement"
	Queues     Ability = "let others queue behind a change that waits itself"
	OwnWaits   Ability = "show every time that the migration itself waited"
	RowLocks   Ability = "lock rows"
	Online     Ability = "build an index while others write"
	Undoes     Ability = "undo a change of the schema with its transaction"
	Counts     Ability = "count the rows that the migration wrote"
	Refused    Ability = "show the errors that others got"
	Aborted    Ability = "show locks of what was rolled back as such"
	LogSize    Ability = "tell how much was logged"
)

// Lack is an ability that an engine does not have, and what is told instead.
type Lack struct {
	Engine  Engine
	Ability Ability
	Why     string
}

// Lacks is the whole table of what is not seen of an engine.
func Lacks() []Lack {
	return []Lack{
		{Postgres, Short, "shown are those that committed, failed, held or waited for a lock, or ran when it was looked at, every 10 ms"},
		{MySQL, OwnWaits, "the wait for the lock that ends a change is missing from the server's history now and then; who stood behind it is named all the same"},
		{MySQL, Undoes, "the server commits each change by itself; what was done before a failure stays, and is told"},
		{SQLite, Statements, "they run inside the migration's own process; locks are told by who holds them"},
		{SQLite, Short, "none is shown"},
		{SQLite, Tables, "there is one lock for writers of the file; `main` stands for the database"},
		{SQLite, Waiters, "nobody is known to wait: each asks again and again. Told is how long a writer, or a reader, that came meanwhile could not get in"},
		{SQLite, Queues, "a lock is had at once or refused"},
		{SQLite, RowLocks, "the whole database is locked"},
		{SQLite, Online, "the one writer is the index build"},
		{SQLite, Counts, "rows are counted before and after; how many were updated is not known"},
		{SQLite, Refused, "`SQLITE_BUSY` is said inside the other's process"},
		{SQLite, LogSize, "told is how big the write-ahead log, or the journal for rolling back, was at its biggest"},
		{SQLite, Aborted, "that a lock was for nothing is not told"},
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

// Table is what is not seen of engines, as documentation shows it.
func Table() string {
	var b strings.Builder
	b.WriteString("| engine | does not | instead |\n| --- | --- | --- |\n")
	for _, l := range Lacks() {
		b.WriteString("| " + string(l.Engine) + " | " + string(l.Ability) + " | " + l.Why + " |\n")
	}
	return b.String()
}
