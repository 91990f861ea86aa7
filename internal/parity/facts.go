package parity

import "time"

// Facts are what is compared of an environment. Of a kind that could not be seen on one of
// the sides nothing is compared, and the sentence of who could not see it is shown.
type Facts struct {
	Environment  string
	TwinOf       string
	Release      string                 // label and digest
	Components   map[string]string      // parts of the release, by digest
	Runtime      map[string]string      // what it runs on: "kernel" → "6.1.0"
	Instances    map[string]int         // by service
	Limits       map[string]string      // of the front door
	Machine      Machine                // that it runs on
	Config       map[string]string      // key → keyed print of its value
	Unique       map[string]bool        // keys that must differ
	Flags        map[string]string      // by flag, a digest of what it is
	Integrations map[string]string      // name → keyed print of its address
	Certificates map[string]Certificate // by the host they are for, the first of several
	Databases    map[string]Database    // by name
	Unseen       []Unseen
}

// Unseen is what could not be looked at, and what would let it be.
type Unseen struct {
	Kinds    []string // of which nothing is compared; none: a part of one only
	Sentence string
}

// Machine is what a machine has. What is not known is 0.
type Machine struct {
	Processors int
	Memory     int64 // bytes
	Disk       int64 // bytes, where the databases are
	Free       int64 // of them
}

// Certificate is one that a front door shows.
type Certificate struct {
	Hosts  string // all of them
	Issuer string
	Until  time.Time
}

// Database is what is compared of one database and its server.
type Database struct {
	Server   string             // its version
	Settings map[string]Setting // by name
	// Hides tells that the server keeps some settings from who looked.
	Hides     bool
	Objects   map[string]string // what the schema says: "index public.orders_pkey" → its definition
	Roles     map[string]string // by name, what they may
	Limits    map[string]string // of connections
	Replicas  int
	Rows      map[string]float64 // by table; below 0: never analysed
	Sequences map[string]int64   // by sequence, the last value it gave
	Columns   map[string]Column  // by schema.table.column
	Plans     map[string]Plan    // by the number that the server gives the statement
	Unseen    []Unseen
}

// Setting is one of a server's.
type Setting struct {
	Value    string
	Default  bool   // it has the value that the program comes with
	Category string // as the server says
}

// Column is what a server's statistics say of one column, without a value of it.
type Column struct {
	Rows     float64   // of its table
	Nulls    float64   // share of NULL
	Distinct float64   // above 0 a number of values, below 0 a share of the rows
	Width    float64   // mean, in bytes
	Common   []float64 // shares of the most common values, the greatest first
	Spread   Spread
	Masked   bool // a twin has other values
}

// Plan is how a server would run a statement.
type Plan struct {
	Shape string
	Cost  float64
}
