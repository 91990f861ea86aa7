package understudy

import "context"

// MaskFunc makes one value safe. It is given the value in the database's text form,
// never NULL, and returns what stands for it, nil for NULL; equal values give equal results. It may
// be called from several goroutines at once and may keep neither slice.
type MaskFunc func(value []byte) ([]byte, error)

// Mask is what is done to the values of one column, each by itself.
type Mask struct {
	Name  string // as rules name it: "email"
	Apply MaskFunc
	// KeepsLength tells that every value has as many bytes after as before, so that it can
	// be written over the original in place.
	KeepsLength bool
	// Unique tells that different values stay different.
	Unique bool
	// Leaf, of a document such as JSON, gives the mask of the texts at a path, nil where
	// they stay as they are. A column that is no document has none.
	Leaf func(path []string) MaskFunc
}

// BatchMask makes columns safe that one value alone says too little about: values that
// change places between rows, or a program of the team's own.
type BatchMask struct {
	Name    string   // as rules name it: "shuffle"
	Columns []string // what it is given and replaces, in this order
	Rows    int      // how many rows it wants at once; the last batch of a table may have fewer
	// Apply replaces values in place: rows[i][j] is column j of row i, nil for NULL. It is
	// called with the batches of one table in the table's order, never twice at once.
	Apply func(ctx context.Context, rows [][][]byte) error
}

// TableMasks is what is done to the rows of one table. A column that is in neither
// stays as it is, and no column is in both.
type TableMasks struct {
	Columns map[string]Mask // by column
	Batches []BatchMask
	// Digest is of all that decides what is done: while it is the same, rows that were masked
	// before are as they would be masked now. Empty: nobody tells, and it stays.
	Digest Digest
}

// Masks decides for one table which columns are masked. An error of KindRefused names
// every column that has no rule, and nothing of the table may be copied then.
type Masks func(table string, columns []Column) (TableMasks, error)
