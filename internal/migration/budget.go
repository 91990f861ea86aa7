package migration

import (
	"time"

	"understudy"
)

// Budget is what a migration may cost. What is left at zero below LockTimeout and Timeout
// has a default.
type Budget struct {
	BlockedFor  time.Duration // longest that anybody may be blocked
	LockTimeout time.Duration
	Timeout     time.Duration

	RowsWritten int64 // that one transaction may write; 0: 10,000
	SmallTable  int64 // rows up to which work that grows with a table is a mere fact; 0: 10,000
	DiskMore    int64 // bytes that it may need at the peak; 0: a fifth of the database, at least 1 GiB, and only a warning
	LogBytes    int64 // of log that it may write; 0: half of the database, at least 1 GiB, and only a warning

	// Twin and Production are how big the relations are, by name, those of further databases with
	// its name as findings call them; Twin before the run. What is not there is not scaled.
	Twin       map[string]Size
	Production map[string]Size

	diskGiven, logGiven bool
}

func (b Budget) withDefaults(seen understudy.Observation) Budget {
	b.diskGiven, b.logGiven = b.DiskMore > 0, b.LogBytes > 0
	for _, f := range []struct {
		of    *int64
		value int64
	}{
		{&b.RowsWritten, 10_000}, {&b.SmallTable, 10_000},
		{&b.DiskMore, max(seen.BytesBefore/5, 1<<30)}, {&b.LogBytes, max(seen.BytesBefore/2, 1<<30)},
	} {
		if *f.of == 0 {
			*f.of = f.value
		}
	}
	return b
}
