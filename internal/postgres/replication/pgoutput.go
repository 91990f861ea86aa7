package replication

import "time"

// Change is one decoded message of the plugin pgoutput: [Begin], [Commit], [Relation],
// [Type], [Insert], [Update], [Delete], [Truncate], [Origin] or [Emitted].
type Change interface{ change() }

// Begin opens a transaction. All changes until [Commit] are its own.
type Begin struct {
	Commit LSN // where its commit stands
	At     time.Time
	XID    uint32
}

// Commit ends a transaction.
type Commit struct {
	LSN LSN // where it stands
	End LSN // where the log goes on after it: what a client confirms
	At  time.Time
}

// Identity is how a table's rows are found again, as pg_class.relreplident has it.
type Identity byte

// The replica identities.
const (
	IdentityDefault Identity = 'd' // its primary key
	IdentityNothing Identity = 'n' // not at all
	IdentityFull    Identity = 'f' // all of the row
	IdentityIndex   Identity = 'i' // a unique index
)

// Relation describes a table, before the first change to it and whenever it was altered.
type Relation struct {
	ID           uint32
	Schema, Name string // Schema is empty for pg_catalog
	Identity     Identity
	Columns      []RelationColumn // without generated ones
}

// RelationColumn is one column of a [Relation].
type RelationColumn struct {
	Key      bool // it is part of the replica identity
	Name     string
	Type     uint32 // oid
	Modifier int32
}

// Type names a type that is not built in, before a [Relation] that has it.
type Type struct {
	ID           uint32
	Schema, Name string
}

// ValueKind tells what there is of a value.
type ValueKind byte

// The kinds of values.
const (
	ValueNull      ValueKind = 'n'
	ValueUnchanged ValueKind = 'u' // stored out of line, not changed and therefore not sent
	ValueText      ValueKind = 't'
)

// Value is that of one column of one row.
type Value struct {
	Kind ValueKind
	Text []byte // in the type's text form; shares memory with what was decoded
}

// Insert is a new row.
type Insert struct {
	Relation uint32
	New      []Value
}

// Update is a row that changed.
type Update struct {
	Relation uint32
	// Old is, of a table with a key, the key as it was if it changed, with the other columns
	// NULL; with a full identity the whole row as it was; else nil.
	Old []Value
	New []Value
}

// Delete is a row that is gone: its key, or with a full identity all of it.
type Delete struct {
	Relation uint32
	Old      []Value
}

// Truncate empties tables, those that refer to them included.
type Truncate struct {
	Relations                []uint32
	Cascade, RestartIdentity bool
}

// Origin tells that a transaction came to the server from another one.
type Origin struct {
	Commit LSN
	Name   string
}

// Emitted is a message written by pg_logical_emit_message. Its content is not decoded.
type Emitted struct {
	Transactional bool
	LSN           LSN
	Prefix        string
}

func (Begin) change()    {}
func (Commit) change()   {}
func (Relation) change() {}
func (Type) change()     {}
func (Insert) change()   {}
func (Update) change()   {}
func (Delete) change()   {}
func (Truncate) change() {}
func (Origin) change()   {}
func (Emitted) change()  {}
