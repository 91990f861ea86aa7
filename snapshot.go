package understudy

import "time"

// Snapshot is a consistent, masked copy of an environment's data, with the
// fingerprint of what it was taken from.
type Snapshot struct {
	ID        string         `json:"id"`
	Of        string         `json:"of"` // environment
	Source    Fingerprint    `json:"source"`
	Databases []DatabaseCopy `json:"databases"`
	TakenAt   time.Time      `json:"takenAt"` // the moment that the data is consistent at
	Took      time.Duration  `json:"took"`
	Policy    Digest         `json:"policy"` // of the masking rules
	// Following says how its copies are kept current; empty: they stay as of TakenAt.
	Following []Following `json:"following,omitempty"`
}

// Following is how one database's golden copy is kept current from production. TakenAt of
// its snapshot moves on with what was applied.
type Following struct {
	Database string         `json:"database"`
	State    FollowingState `json:"state"`
	// Why it is not going on: what it waits for, or what stopped it.
	Why string `json:"why,omitempty"`
	// AsOf is the moment up to which it has all of production's commits.
	AsOf     time.Time     `json:"asOf"`
	Lag      time.Duration `json:"lag"`      // since AsOf
	LagBytes int64         `json:"lagBytes"` // of production's log, as last looked
}

// FollowingState is what the following of a golden copy is doing.
type FollowingState string

// The states of a following.
const (
	FollowingOn         FollowingState = "following"
	FollowingConnecting FollowingState = "connecting" // to either end, for the first time or again
	FollowingPaused     FollowingState = "paused"     // somebody uses the copy; it goes on afterwards
	FollowingStopped    FollowingState = "stopped"    // for good: the next snapshot is taken anew
)

// Stopped says why the copies are no longer kept current, and for good; empty: they are,
// or never were to be.
func (s Snapshot) Stopped() string {
	for _, f := range s.Following {
		if f.State == FollowingStopped {
			return f.Why
		}
	}
	return ""
}

// DatabaseCopy is what one database's copy consists of.
type DatabaseCopy struct {
	Database string      `json:"database"`
	Server   string      `json:"server"` // engine and version of the source
	Bytes    int64       `json:"bytes"`  // streamed
	Tables   []TableCopy `json:"tables"`
	// Proof is what holding it against its source found; nil if nobody did.
	Proof *CopyProof `json:"proof,omitempty"`
	// Cost is what it cost the server it was read from; nil if nobody measured.
	Cost *CopyCost `json:"cost,omitempty"`
}

// CopyCost is what a copy cost the server that it was read from, as far as a session
// there can see it: what reading takes of its processors only its own machine shows.
type CopyCost struct {
	Bytes int64 `json:"bytes"` // read
	Rows  int64 `json:"rows"`  // read
	// Held is how long the snapshot was held: nothing that was deleted meanwhile could be
	// vacuumed. Transactions is how many began there in that time.
	Held         time.Duration `json:"held"`
	Transactions int64         `json:"transactions"`
	Paused       time.Duration `json:"paused,omitempty"`  // the readers stood still for the server's load
	Limited      time.Duration `json:"limited,omitempty"` // the readers waited for the rate limit, added up
	Busiest      int           `json:"busiest,omitempty"` // most sessions seen at work at once, ours left out
	Again        int           `json:"again,omitempty"`   // tables begun again after a cut connection
}

// Rows is the sum over all tables.
func (c DatabaseCopy) Rows() int64 {
	var rows int64
	for _, t := range c.Tables {
		rows += t.Rows
	}
	return rows
}

// TableCopy is one table of a copy.
type TableCopy struct {
	Table  string   `json:"table"` // schema.table, quoted where it must be
	Rows   int64    `json:"rows"`
	Masked []string `json:"masked,omitempty"` // columns
	// Earlier tells that the rows come from the copy before, which was kept current: they
	// were not read from production again.
	Earlier bool `json:"earlier,omitempty"`
}

// Column is what is known of one column when it is decided how to mask it.
type Column struct {
	Table      string `json:"table"` // schema.table
	Name       string `json:"name"`
	Type       string `json:"type"` // as the server writes it: "text", "character varying(50)", "jsonb"
	Comment    string `json:"comment,omitempty"`
	Nullable   bool   `json:"nullable,omitempty"`
	Unique     bool   `json:"unique,omitempty"`     // alone makes a row unique
	References string `json:"references,omitempty"` // schema.table.column it is a foreign key to
	Generated  bool   `json:"generated,omitempty"`
	// Allowed are the values that an enumeration or a check constraint lays down; empty: any.
	Allowed []string `json:"allowed,omitempty"`
	// Samples are some of its values. They are personal data: never logged, shown or stored.
	Samples []string `json:"-"`
}

// Name of a column as rules and messages write it: schema.table.column.
func (c Column) String() string { return c.Table + "." + c.Name }
