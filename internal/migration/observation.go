package migration

import "time"

// Observation is what was seen of a database while a migration ran. What it holds is
// sampled unless Exact says otherwise; then nothing is missing.
type Observation struct {
	Locks          []Lock        `json:"locks,omitempty"`
	Blocked        []Blocked     `json:"blocked,omitempty"`
	Rewritten      []Rewrite     `json:"rewritten,omitempty"`
	InvalidIndexes []string      `json:"invalidIndexes,omitempty"`
	LostStatistics []string      `json:"lostStatistics,omitempty"`
	Exclusive      []string      `json:"exclusive,omitempty"` // locked against everything, by the write-ahead log
	LogBytes       int64         `json:"logBytes"`            // written ahead, by everybody
	BytesBefore    int64         `json:"bytesBefore"`
	BytesPeak      int64         `json:"bytesPeak"`
	BytesAfter     int64         `json:"bytesAfter"`
	Every          time.Duration `json:"every,omitempty"` // how often it looked
	Exact          bool          `json:"exact"`
	Notes          []string      `json:"notes,omitempty"` // what could not be seen, and why
}

// Lock is one lock of the migration on one relation.
type Lock struct {
	Relation string        `json:"relation"`
	Kind     string        `json:"kind"`          // "table", "index", …
	New      bool          `json:"new,omitempty"` // made by the migration itself
	Mode     string        `json:"mode"`
	Held     time.Duration `json:"held"`
	Waited   time.Duration `json:"waited"`
}

// Blocked is somebody who had to wait for the migration.
type Blocked struct {
	Who       string        `json:"who"` // role and program
	Relation  string        `json:"relation"`
	Wanted    string        `json:"wanted"` // lock mode
	Statement string        `json:"statement"`
	By        string        `json:"by"` // the migration's statement
	For       time.Duration `json:"for"`
	Times     int           `json:"times"`
}

// Rewrite is a table that was written anew as a whole.
type Rewrite struct {
	Relation string `json:"relation"`
	Bytes    int64  `json:"bytes"`
	Rows     int64  `json:"rows"`
}
