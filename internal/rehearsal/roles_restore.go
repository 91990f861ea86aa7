package rehearsal

import (
	"context"
	"time"

	"understudy"
)

// Restorer brings the work copy back to what it was before the migration, in the way in which
// a rollback brings production's databases back.
type Restorer interface {
	// Restore takes a safety copy of the golden copy, which is what the work copy was, and puts
	// the work copy back to it. The baseline's programs are ended for that; the caller starts
	// them again. The candidate does not run.
	Restore(ctx context.Context) (Restored, error)
	// Prepare does to the restored copy what is done to each fresh one before releases are
	// started on it.
	Prepare(ctx context.Context) error
	// Written counts the rows that were written on the work copy until now.
	Written(ctx context.Context) (understudy.Written, error)
}

// Restored is what that came to.
type Restored struct {
	OK     bool
	Said   string        // why it is not
	Copied time.Duration // to take the copy
	Bytes  int64         // that it has
	Took   time.Duration // to read it and put it in place
	// Written is how much had been written on the work copy by then, counted when nobody wrote any more.
	Written understudy.Written
	// Least and Most are by how much that grows from the twin's size to production's.
	Least, Most float64
	Basis       string
}
