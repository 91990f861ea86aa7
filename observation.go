package understudy

import (
	"strings"
	"time"
)

// Observation is what was seen of a database while a migration ran, and what the migration
// left of its catalogue. Whoever watches fills in what the database can show and says in
// Notes what could not be seen; what is marked exact is complete, everything else was
// sampled and may be more.
type Observation struct {
	// Database is which one it was, where several were watched; Elsewhere is what was seen of the
	// others.
	Database  string        `json:"database,omitempty"`
	Elsewhere []Observation `json:"elsewhere,omitempty"`

	Server     string              `json:"server,omitempty"` // product and version: "PostgreSQL 15.18"
	Began      time.Time           `json:"began,omitzero"`   // the moments below count from here
	Statements []ObservedStatement `json:"statements,omitempty"`
	Locks      []ObservedLock      `json:"locks,omitempty"`
	Waits      []ObservedWait      `json:"waits,omitempty"`
	Errors     []ObservedError     `json:"errors,omitempty"` // what the server said to others meanwhile

	Tables      []TableChange      `json:"tables,omitempty"` // those that the migration made, changed, wrote to or took away
	Indexes     []IndexChange      `json:"indexes,omitempty"`
	Constraints []ConstraintChange `json:"constraints,omitempty"`
	Objects     []ObjectChange     `json:"objects,omitempty"`

	LogBytes    int64 `json:"logBytes"`              // written ahead, by everybody
	OwnLogBytes int64 `json:"ownLogBytes,omitempty"` // of these, by the migration's own transactions
	BytesBefore int64 `json:"bytesBefore"`
	BytesPeak   int64 `json:"bytesPeak"`
	BytesAfter  int64 `json:"bytesAfter"`

	Every time.Duration `json:"every,omitempty"` // longest time between two looks
	Exact Exactness     `json:"exact"`
	Notes []string      `json:"notes,omitempty"` // what could not be seen, and why
}

// Everywhere is what was seen of each database, of the first one first.
func (o Observation) Everywhere() []Observation {
	return append([]Observation{o}, o.Elsewhere...)
}

// Of is what was seen of the database that the subject of a finding is in, and what the
// subject is called there.
func (o Observation) Of(subject string) (Observation, string) {
	for _, other := range o.Elsewhere {
		if there, is := strings.CutPrefix(subject+"/", other.Database+"/"); is {
			return other, strings.TrimSuffix(there, "/")
		}
	}
	return o, subject
}

// Exactness says of which parts of an observation nothing is missing.
type Exactness struct {
	Locks     bool `json:"locks"`     // every lock that a committed transaction held on what was there before, in every mode
	Exclusive bool `json:"exclusive"` // every lock against everything, also of transactions that were rolled back
	Waits     bool `json:"waits"`     // everybody who waited longer than WaitsFrom, and for how long
	Writes    bool `json:"writes"`    // rows written, by table
	// WaitsFrom is the shortest wait that is always seen.
	WaitsFrom time.Duration `json:"waitsFrom,omitempty"`
}

// ObservedBy is how something was seen.
type ObservedBy string

// The ways to see. What the gate, the log and the catalogue show is exact.
const (
	ByGate    ObservedBy = "gate"    // looked at while the commit was held
	ByLog     ObservedBy = "log"     // the log of changes, or of the server
	BySamples ObservedBy = "samples" // looked for again and again
)

// ObservedStatement is one statement of the migration, without its literals.
type ObservedStatement struct {
	Session int           `json:"session"`      // numbers the migration's sessions from 1
	In      string        `json:"in,omitempty"` // the database, in an observation made whole; empty: the first
	Text    string        `json:"text"`
	From    time.Duration `json:"from"`
	Until   time.Duration `json:"until"`
	Commits bool          `json:"commits,omitempty"` // a transaction that wrote ended with it
	Failed  bool          `json:"failed,omitempty"`
}

// ObservedLock is one lock of the migration on one relation: the span in which one transaction
// held it.
type ObservedLock struct {
	Relation string `json:"relation"` // empty where what was waited for is none
	Kind     string `json:"kind"`     // "table", "partitioned table", "index", "sequence", …; "transaction"
	// PartitionOf is the partitioned table that the relation is a partition of, or was before.
	PartitionOf string `json:"partitionOf,omitempty"`
	New         bool   `json:"new,omitempty"`   // made by the migration itself
	Mode        string `json:"mode"`            // the server's own name for it
	Stops       Stops  `json:"stops,omitempty"` // what of others it keeps waiting
	Session     int    `json:"session,omitempty"`
	// Transactions number those that held it, from 1 over all sessions; none: not known. Locks
	// of one transaction share a number.
	Transactions []int         `json:"transactions,omitempty"`
	Statement    string        `json:"statement,omitempty"` // that was running when it was held (or waited for) longest
	From         time.Duration `json:"from,omitempty"`      // when it was first known to be held
	Held         time.Duration `json:"held"`                // at least
	HeldMost     time.Duration `json:"heldMost,omitempty"`  // at most: from the beginning of its transaction; 0: not known
	Waited       time.Duration `json:"waited"`              // before it was got
	Behind       string        `json:"behind,omitempty"`    // who held it up: role and program, "autovacuum"
	Aborted      bool          `json:"aborted,omitempty"`   // the transaction was rolled back
	Times        int           `json:"times,omitempty"`     // transactions that held it
	SeenBy       []ObservedBy  `json:"seenBy,omitempty"`
}

// Stops is what a lock keeps others from, whatever an engine calls it.
type Stops string

// What locks stop, the most first. Empty: not said.
const (
	StopsAll         Stops = "reads and writes"
	StopsWrites      Stops = "writes"
	StopsDefinitions Stops = "changes of the schema"
	StopsNothing     Stops = "nothing"
)

// ObservedWait is one kind of waiting for the migration: who waited, for what, behind which of its
// statements. Each wait of the kind is counted; From and For are of the longest.
type ObservedWait struct {
	Who       string        `json:"who"` // role and program
	Relation  string        `json:"relation"`
	Wanted    string        `json:"wanted"` // lock mode; "row" for a row that the migration has changed
	Statement string        `json:"statement"`
	By        string        `json:"by"` // the migration's statement
	From      time.Duration `json:"from,omitempty"`
	For       time.Duration `json:"for"`
	Total     time.Duration `json:"total,omitempty"`
	Times     int           `json:"times"`
	// Queued tells that it waited behind a lock that the migration itself was waiting for.
	Queued bool         `json:"queued,omitempty"`
	SeenBy []ObservedBy `json:"seenBy,omitempty"`
}

// ObservedError is one kind of error that the server gave to others than the migration.
type ObservedError struct {
	Who     string `json:"who"`
	Code    string `json:"code,omitempty"` // SQLSTATE or the like
	Message string `json:"message"`        // without literals
	Times   int    `json:"times"`
}

// TableChange is what became of one table, materialized view or the like: of those that
// changed, and of those that were locked so that somebody had to stay out.
type TableChange struct {
	Relation  string `json:"relation"`
	Renamed   string `json:"renamed,omitempty"` // what it is called now, where that is something else
	Kind      string `json:"kind,omitempty"`
	New       bool   `json:"new,omitempty"`
	Gone      bool   `json:"gone,omitempty"`
	Rows      int64  `json:"rows,omitempty"`  // before, as the planner estimates; of a new table after
	Bytes     int64  `json:"bytes,omitempty"` // of its own file
	Rewritten bool   `json:"rewritten,omitempty"`
	// RewrittenInVain tells that it was written anew by a transaction that was rolled back.
	RewrittenInVain bool   `json:"rewrittenInVain,omitempty"`
	How             string `json:"how,omitempty"` // the server's own word where it has one: "INSTANT", "INPLACE", "COPY"
	Emptied         bool   `json:"emptied,omitempty"`

	Inserted int64 `json:"inserted,omitempty"` // rows, by the migration's own transactions
	Updated  int64 `json:"updated,omitempty"`
	Deleted  int64 `json:"deleted,omitempty"`
	// Read is how many rows were read from its beginning to its end meanwhile, by everybody;
	// below zero: not known.
	Read int64 `json:"read,omitempty"`
	// Attached is the partitioned table that it became a partition of.
	Attached string `json:"attached,omitempty"`
	// LargestWrite is the most rows that one transaction wrote.
	LargestWrite int64 `json:"largestWrite,omitempty"`

	Columns   []ColumnChange `json:"columns,omitempty"`   // those that changed
	Unlogged  bool           `json:"unlogged,omitempty"`  // it became so
	Published bool           `json:"published,omitempty"` // others follow its changes
	Identity  string         `json:"identity,omitempty"`  // its replica identity, where that changed
	Security  bool           `json:"security,omitempty"`  // row security was switched on or its rules changed
	Triggers  []string       `json:"triggers,omitempty"`  // that fire for the rows that the migration wrote
	// HotBefore and HotAfter are the share of updates under traffic that touched no index;
	// below zero: not known.
	HotBefore float64 `json:"hotBefore,omitempty"`
	HotAfter  float64 `json:"hotAfter,omitempty"`
}

// ColumnChange is what became of one column.
type ColumnChange struct {
	Name    string `json:"name"`
	Renamed string `json:"renamed,omitempty"` // what it is called now, where that is something else
	Was     string `json:"was,omitempty"`     // type; empty: it was not there
	Is      string `json:"is,omitempty"`      // type; empty: it is gone
	Values  int64  `json:"values,omitempty"`
	NotNull bool   `json:"notNull,omitempty"` // it is now, and was not
	Nulls   bool   `json:"nulls,omitempty"`   // it may hold nothing now, and might not
	Default bool   `json:"default,omitempty"` // it has one now
	// LostStatistics: the planner knew its distribution before, and does not now.
	LostStatistics bool `json:"lostStatistics,omitempty"`
	// NoStatistics: it is new, its table has rows, and the planner knows nothing of it.
	NoStatistics bool `json:"noStatistics,omitempty"`
}

// IndexChange is what became of one index.
type IndexChange struct {
	Name    string   `json:"name"`
	Table   string   `json:"table"`
	Columns []string `json:"columns,omitempty"` // as the server writes them; an expression is one
	Unique  bool     `json:"unique,omitempty"`
	New     bool     `json:"new,omitempty"`
	Gone    bool     `json:"gone,omitempty"`
	Rebuilt bool     `json:"rebuilt,omitempty"`
	Invalid bool     `json:"invalid,omitempty"`
	// WasInvalid: it was invalid before the migration too.
	WasInvalid bool  `json:"wasInvalid,omitempty"`
	Scans      int64 `json:"scans,omitempty"`    // of one that is gone: how often it was used on the twin before
	Replaced   bool  `json:"replaced,omitempty"` // of one that is gone: another begins with the same columns
	// Gap is how long neither it nor its replacement was there; 0: at no time.
	Gap          time.Duration `json:"gap,omitempty"`
	NoStatistics bool          `json:"noStatistics,omitempty"` // over an expression that the planner knows nothing of
	Bytes        int64         `json:"bytes,omitempty"`
}

// ConstraintChange is what became of one constraint.
type ConstraintChange struct {
	Name  string `json:"name"`
	Table string `json:"table"`
	Kind  string `json:"kind"` // "primary key", "unique", "foreign key", "check", "exclusion"
	// Columns are those that it is on, quoted where they must be; none: not told.
	Columns  []string `json:"columns,omitempty"`
	New      bool     `json:"new,omitempty"`
	Gone     bool     `json:"gone,omitempty"`
	NotValid bool     `json:"notValid,omitempty"`
	// References is the other table of a foreign key.
	References string `json:"references,omitempty"`
	// Unindexed: no index begins with the columns of a new foreign key.
	Unindexed bool   `json:"unindexed,omitempty"`
	Mismatch  string `json:"mismatch,omitempty"` // types of the two ends where they differ: "integer → bigint"
}

// ObjectChange is what became of something else: a view, function, enum value, sequence, trigger.
type ObjectChange struct {
	Kind  string `json:"kind"` // "view", "function", "enum value", "sequence", "trigger", "policy", "schema", …
	Name  string `json:"name"`
	Table string `json:"table,omitempty"`
	New   bool   `json:"new,omitempty"`
	Gone  bool   `json:"gone,omitempty"`
	// Behind is by how much a sequence stands behind the largest value of its column.
	Behind int64 `json:"behind,omitempty"`
	// Room is the share of a key's values that is used up, by the larger of its sequence and
	// its column: of a new or changed integer key.
	Room float64 `json:"room,omitempty"`
}
