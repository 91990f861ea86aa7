package logical

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/postgres"
)

// Spec says what is copied where, and how.
type Spec struct {
	// Source and Target are URLs. Source needs SELECT on every table and sequence and
	// is only read. Target connects as a superuser to an empty database of the same
	// major version or a newer one.
	Source, Target string
	// Snapshot names a view of the source that another session has exported and still
	// holds; empty: the copy fixes one of its own.
	Snapshot string
	// Bin is the folder of pg_dump and psql, of a major version from the source's to the
	// target's.
	Bin string
	// Masks decides for each table which columns are masked. It is asked for every
	// table before anything is written; partitions follow the rules of their table. Where
	// the database holds large objects it is asked for [postgres.LargeObjects] too, a table of
	// one column, [postgres.LargeObjectData], and refuses it where no rule decides about that one.
	Masks understudy.Masks
	// Choose, if not nil, says which rows of a table are copied; false: all of them. It is
	// asked by the name that Masks is asked by. That what is chosen refers to nothing
	// that was not is the caller's to see to: the foreign keys are checked afterwards.
	Choose func(table string) (Choice, bool)
	// Earlier, if not nil, is an earlier copy of the same source, brought to Snapshot: the
	// tables it has are taken from there. Of them the source's catalogs are read, and no row.
	Earlier *postgres.Earlier
	// Observe, if not nil, is shown each value that was masked: both in the database's
	// text form, masked nil for NULL. It is called from several goroutines at once, and
	// may keep neither slice.
	Observe func(table, column string, original, masked []byte)
	// While, if not nil, runs when the target is whole and verified, and the source's
	// snapshot is still held: what it needs of both ends at one moment it finds now only.
	// Without it the snapshot is let go as soon as the rows are there.
	While func(ctx context.Context, m *postgres.Moment, target *pgx.Conn) error
	// Parallel is how many tables are copied, and indexes built, at once; 0: 2.
	Parallel int
	// IndexMemory is what the target may take to build one index, in bytes; 0: 512 MB.
	IndexMemory int64
	// Samples is how many values of each column Masks is shown; 0: 100.
	Samples int
	// Gentle says how the source is spared.
	Gentle Gentle
	// Progress, if not nil, is told how far the copy is: never twice at the same time,
	// at most a few times a second for each table, and once when it is done.
	Progress func(Progress)
	// Notice, if not nil, is told in a sentence each thing of production that the
	// twin does not get, such as the rows of foreign tables.
	Notice func(sentence string)
}

// Choice is which rows of a table are copied.
type Choice struct {
	// Where is a condition on one row, as SQL writes it behind WHERE, over the table's
	// columns by their bare names, with values as literals, arrays or VALUES. It is read
	// with an empty search_path.
	Where string
}

// Gentle is how a copy spares the server that it reads from.
type Gentle struct {
	// Rate is the most that is read, in bytes a second, while somebody else is at work
	// there; an idle server is read as fast as it can. 0: [DefaultRate], or [NearRate] from a
	// server on this machine; below 0: no limit.
	Rate int64
	// MaxLoad is how many sessions of others may be at work there, on a processor or
	// waiting for a disk or a lock; while they are more, the copy stands still. 0: any
	// number. To see them the role has to be a member of pg_monitor.
	MaxLoad int
	// MaxHold is how long the snapshot may be held: that long nothing that is deleted
	// there can be vacuumed. When it is over, the copy ends. 0: as long as it takes.
	MaxHold time.Duration
}

// DefaultRate is what a copy reads a second while the source is at work, in bytes.
// Measured on PostgreSQL 15, sending 1 GB of rows takes 9 seconds of one processor of the
// server, so that this much takes a thirteenth of two.
const DefaultRate = 16 << 20

// NearRate is the same where the source is on this machine. There the server that is loaded and
// the masks work beside it, which at this rate take a sixth of one processor; they yield, but
// whoever has just woken waits for a few milliseconds where all processors are taken.
const NearRate = DefaultRate / 2

func (s Spec) complete() (Spec, error) {
	if s.Masks == nil {
		return s, understudy.Errorf(understudy.KindInvalid, "a copy of production's data needs masks, and was given none")
	}
	if s.Parallel <= 0 {
		s.Parallel = 2
	}
	if s.Samples <= 0 {
		s.Samples = 100
	}
	if s.IndexMemory <= 0 {
		s.IndexMemory = 512 << 20
	}
	if s.Choose == nil {
		s.Choose = func(string) (Choice, bool) { return Choice{}, false }
	}
	if s.Progress == nil {
		s.Progress = func(Progress) {}
	}
	if s.Notice == nil {
		s.Notice = func(string) {}
	}
	return s, nil
}

// paced gives a copy that was told no rate the one for where its source is.
func (g Gentle) paced(near bool) Gentle {
	switch {
	case g.Rate != 0:
	case near:
		g.Rate = NearRate
	default:
		g.Rate = DefaultRate
	}
	return g
}

func (s Spec) openMoment(ctx context.Context) (*postgres.Moment, error) {
	if s.Snapshot != "" {
		return postgres.JoinMoment(ctx, s.Source, copyName(), s.Snapshot)
	}
	return postgres.OpenMoment(ctx, s.Source, copyName())
}
