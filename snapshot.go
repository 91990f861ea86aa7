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
}

// DatabaseCopy is what one database's copy consists of.
type DatabaseCopy struct {
	Database string      `json:"database"`
	Server   string      `json:"server"` // engine and version of the source
	Bytes    int64       `json:"bytes"`  // streamed
	Tables   []TableCopy `json:"tables"`
	// Proof is what holding it against its source found; nil if nobody did.
	Proof *CopyProof `json:"proof,omitempty"`
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
	// Samples are some of its values. They are personal data: never logged, shown or stored.
	Samples []string `json:"-"`
}

// Name of a column as rules and messages write it: schema.table.column.
func (c Column) String() string { return c.Table + "." + c.Name }
