package lockwatch

import (
	"slices"

	"understudy/internal/postgres/wal"
)

// ledger adds up what the log says: by transaction while they run, and of those of the
// migration for good. Whose a transaction was is known when it commits, as the
// migration's commits are marked; of one that was rolled back, by what was sampled.
type ledger struct {
	database uint32
	open     map[uint32]*entry
	last     *entry // of the open ones: records of one transaction often follow each other
	spare    []*entry
	mine     map[uint32]bool // transactions seen to run in a session of the migration
	others   map[uint32]bool // and in others

	bytes    int64              // by the migration's transactions
	loose    map[wal.File]int64 // of records of no transaction, by the new file they fill
	writes   map[wal.File]written
	files    map[wal.File]*newFile
	copies   map[uint32]uint32   // number of a new file: the relation that it was to be the file of
	ended    map[uint32][]uint32 // of those marked and not yet looked at: what they locked against everything
	aborted  []entry             // those that locked or made something
	strays   []entry             // committed, without a mark, and locked something of the database
	from, to uint64
}

// entry is one transaction.
type entry struct {
	transaction uint32
	bytes       int64
	locks       []uint32 // relations of the database, locked against everything
	files       []wal.File
	rows        []fileRows
	shortened   bool // it cut off the end of a file, as VACUUM does
}

type fileRows struct {
	file wal.File
	rows wal.Rows
}

type written struct {
	rows    wal.Rows
	largest int64
}

// newFile is one that was made while the log was read.
type newFile struct {
	transaction uint32
	blocks      int64 // records that filled it
	rows        int64
}

func newLedger(database uint32) *ledger {
	return &ledger{database: database, open: map[uint32]*entry{}, mine: map[uint32]bool{}, others: map[uint32]bool{},
		loose: map[wal.File]int64{}, writes: map[wal.File]written{}, files: map[wal.File]*newFile{}, ended: map[uint32][]uint32{}, copies: map[uint32]uint32{}}
}

// mostKnown bounds how many transactions are remembered as others'.
const mostKnown = 20_000

// know remembers whose transactions were seen to run.
func (l *ledger) know(seen sight) {
	for _, s := range seen.sessions {
		switch {
		case s.transaction == 0:
		case s.migration:
			l.mine[s.transaction] = true
		default:
			if len(l.others) >= mostKnown {
				clear(l.others)
			}
			l.others[s.transaction] = true
		}
	}
}

// record takes in one record of the log.
func (l *ledger) record(r *wal.Record) {
	if l.from == 0 {
		l.from = r.Start
	}
	l.to = r.End
	size := int64(r.End - r.Start)
	if r.Transaction != 0 && l.here(r) {
		l.of(r.Transaction).bytes += size
	}
	if len(l.files) > 0 { // an application makes none, and writes most of the log
		l.fill(r, size)
	}
	if file, rows := r.Rows(); rows.All() > 0 && file.Database == l.database {
		l.of(r.Transaction).write(file, rows)
		if f := l.files[file]; f != nil {
			f.rows += rows.Inserted
		}
	}
	if file, made := r.Created(); made && file.Database == l.database {
		l.files[file] = &newFile{transaction: r.Transaction}
		if r.Transaction != 0 {
			l.of(r.Transaction).files = append(l.of(r.Transaction).files, file)
		}
	}
	if number, of, is := r.Transient(); is && r.Blocks[0].File.Database == l.database {
		l.copies[number] = of
	}
	for _, lock := range r.Locks() {
		if lock.Database == l.database && lock.Relation >= firstUserOID {
			l.of(lock.Transaction).lock(lock.Relation)
		}
	}
	if file, cut := r.Truncated(); cut && file.Database == l.database {
		l.of(r.Transaction).shortened = true
	}
	if end, ended := r.Outcome(); ended {
		l.end(end)
	}
}

// here tells whether a record is of the database: one that changes a block of another is not.
func (l *ledger) here(r *wal.Record) bool {
	return len(r.Blocks) == 0 || r.Blocks[0].File.Database == l.database || r.Blocks[0].File.Database == 0
}

// fill counts what goes into new files.
func (l *ledger) fill(r *wal.Record, size int64) {
	for i, b := range r.Blocks {
		if f := l.files[b.File]; f != nil && b.Fork == 0 {
			f.blocks++
			if r.Transaction == 0 && i == 0 {
				l.loose[b.File] += size
			}
		}
	}
}

func (l *ledger) of(transaction uint32) *entry {
	if l.last != nil && l.last.transaction == transaction {
		return l.last
	}
	if e := l.open[transaction]; e != nil {
		l.last = e
		return e
	}
	e := &entry{}
	if last := len(l.spare) - 1; last >= 0 {
		e, l.spare = l.spare[last], l.spare[:last]
	}
	e.transaction = transaction
	l.open[transaction], l.last = e, e
	return e
}

func (e *entry) lock(relation uint32) {
	if !slices.Contains(e.locks, relation) {
		e.locks = append(e.locks, relation)
	}
}

func (e *entry) write(file wal.File, rows wal.Rows) {
	for i := range e.rows {
		if e.rows[i].file == file {
			e.rows[i].rows.Add(rows)
			return
		}
	}
	e.rows = append(e.rows, fileRows{file, rows})
}

// end closes a transaction. What it did is kept where it was the migration's, or could be.
func (l *ledger) end(end wal.Outcome) {
	if end.Prepared {
		return
	}
	whole := l.merged(end)
	switch {
	case end.Committed && end.Applied:
		l.mine[end.Transaction] = true
		if len(whole.locks) > 0 {
			l.ended[end.Transaction] = whole.locks
		}
		l.bytes += whole.bytes
		for _, w := range whole.rows {
			if l.fills(w.file, end) {
				w.rows.Inserted = 0 // they were there before
			}
			sum := l.writes[w.file]
			sum.rows.Add(w.rows)
			sum.largest = max(sum.largest, w.rows.All())
			l.writes[w.file] = sum
		}
	case end.Committed:
		if len(whole.locks) > 0 && !whole.shortened && !l.others[end.Transaction] {
			l.strays = append(l.strays, whole)
		}
	case len(whole.locks)+len(whole.files) > 0:
		l.aborted = append(l.aborted, whole)
	}
}

// replaces tells whether a transaction has made files that take the places of others.
func (l *ledger) replaces(end wal.Outcome) bool {
	for file, made := range l.files {
		if l.copies[file.Number] != 0 && (made.transaction == end.Transaction || slices.Contains(end.Subtransactions, made.transaction)) {
			return true
		}
	}
	return false
}

// fills tells whether a file is one that the transaction itself made to write a table anew.
func (l *ledger) fills(file wal.File, end wal.Outcome) bool {
	f := l.files[file]
	return f != nil && l.copies[file.Number] != 0 && (f.transaction == end.Transaction || slices.Contains(end.Subtransactions, f.transaction))
}

// merged takes a transaction and those that ended with it out of the open ones, as one.
func (l *ledger) merged(end wal.Outcome) entry {
	var whole entry
	l.last = nil
	for _, number := range append([]uint32{end.Transaction}, end.Subtransactions...) {
		e := l.open[number]
		if e == nil {
			continue
		}
		delete(l.open, number)
		whole.bytes += e.bytes
		whole.shortened = whole.shortened || e.shortened
		for _, relation := range e.locks {
			whole.lock(relation)
		}
		whole.files = append(whole.files, e.files...)
		for _, w := range e.rows {
			whole.write(w.file, w.rows)
		}
		*e = entry{locks: e.locks[:0], files: e.files[:0], rows: e.rows[:0]}
		l.spare = append(l.spare, e)
	}
	whole.transaction = end.Transaction
	return whole
}

// lockedBy hands over what a transaction of the migration that has just ended had locked
// against everything.
func (l *ledger) lockedBy(transaction uint32) []uint32 {
	locks := l.ended[transaction]
	delete(l.ended, transaction)
	return locks
}
