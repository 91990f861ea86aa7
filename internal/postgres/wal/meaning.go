package wal

import (
	"bytes"
	"encoding/binary"
	"strconv"
)

// Managers of the log, by their numbers, and their kinds of records.
const (
	managerLog         = 0
	managerTransaction = 1
	managerStorage     = 2
	managerStandby     = 8
	managerHeap2       = 9
	managerHeap        = 10

	logSwitch = 0x40

	transactionKind      = 0x70
	transactionCommit    = 0x00
	transactionPrepare   = 0x10
	transactionAbort     = 0x20
	transactionCommitted = 0x30 // of one that was prepared
	transactionAborted   = 0x40
	transactionHasMore   = 0x80

	storageCreate   = 0x10
	storageTruncate = 0x20
	standbyLock     = 0x00

	heapKind        = 0x70
	heapInsert      = 0x00
	heapDelete      = 0x10
	heapUpdate      = 0x20
	heapHotUpdate   = 0x40
	heapMultiInsert = 0x50
)

func (r *Record) isSwitch() bool { return r.manager == managerLog && r.info&0xf0 == logSwitch }

// Outcome is how a transaction ended.
type Outcome struct {
	Transaction     uint32
	Subtransactions []uint32 // those that ended with it
	Committed       bool
	Prepared        bool // for two phases: it has not ended, and is the session's no more
	// Applied: its session waits until the standby has applied it, as
	// synchronous_commit = remote_apply wants. No other record says whose session wrote it.
	Applied bool
}

// Parts that the record of an end may have.
const (
	endDatabase        = 1 << 0
	endSubtransactions = 1 << 1
	endFiles           = 1 << 2
	endInvalidations   = 1 << 3
	endTwoPhase        = 1 << 4
	endStatistics      = 1 << 8
	endApplied         = 1 << 29
)

// Outcome tells how a transaction ended, where the record does.
func (r *Record) Outcome() (Outcome, bool) {
	if r.manager != managerTransaction {
		return Outcome{}, false
	}
	end := Outcome{Transaction: r.Transaction}
	kind := r.info & transactionKind
	switch kind {
	case transactionCommit, transactionCommitted:
		end.Committed = true
	case transactionPrepare:
		end.Prepared = true
		return end, true
	case transactionAbort, transactionAborted:
	default:
		return Outcome{}, false
	}
	c := cursor{rest: r.main}
	c.skip(8) // when
	if r.info&transactionHasMore == 0 {
		return end, true
	}
	has := c.uint32()
	end.Applied = has&endApplied != 0
	if has&endDatabase != 0 {
		c.skip(8)
	}
	if has&endSubtransactions != 0 {
		for range c.count(4) {
			end.Subtransactions = append(end.Subtransactions, c.uint32())
		}
	}
	if kind == transactionCommitted || kind == transactionAborted {
		r.skipTo(&c, has)
		end.Transaction = c.uint32()
	}
	return end, !c.broken
}

// skipTo passes over what stands before the number of a prepared transaction.
func (r *Record) skipTo(c *cursor, has uint32) {
	if has&endFiles != 0 {
		c.skip(12 * c.count(12))
	}
	if has&endStatistics != 0 {
		size := 12
		if r.format.Major >= 18 {
			size = 16
		}
		c.skip(size * c.count(size))
	}
	if has&endInvalidations != 0 {
		c.skip(16 * c.count(16))
	}
	if has&endTwoPhase == 0 {
		c.broken = true
	}
}

// count reads how many things of a size follow.
func (c *cursor) count(size int) int {
	n := int(int32(c.uint32()))
	if n < 0 || n > len(c.rest)/size {
		c.broken, c.rest = true, nil
		return 0
	}
	return n
}

// Lock is a relation that a transaction has locked against everything.
type Lock struct{ Transaction, Database, Relation uint32 }

// Locks are those that the record tells of. Servers log each as it is taken, and all that
// are held now and then again.
func (r *Record) Locks() []Lock {
	if r.manager != managerStandby || r.info&0xf0 != standbyLock {
		return nil
	}
	c := cursor{rest: r.main}
	var locks []Lock
	for range c.count(12) {
		locks = append(locks, Lock{Transaction: c.uint32(), Database: c.uint32(), Relation: c.uint32()})
	}
	return locks
}

// Created is the file that the record tells of the making of. Files of other forks than
// the rows' are left out.
func (r *Record) Created() (File, bool) {
	if r.manager != managerStorage || r.info&0xf0 != storageCreate {
		return File{}, false
	}
	c := cursor{rest: r.main}
	file := c.file()
	return file, c.uint32() == 0 && !c.broken
}

// Truncated is the file whose end was cut off.
func (r *Record) Truncated() (File, bool) {
	if r.manager != managerStorage || r.info&0xf0 != storageTruncate {
		return File{}, false
	}
	c := cursor{rest: r.main}
	c.skip(4)
	file := c.file()
	return file, !c.broken
}

// Rows counts rows.
type Rows struct{ Inserted, Updated, Deleted int64 }

// All is the number of rows, however they were written.
func (r Rows) All() int64 { return r.Inserted + r.Updated + r.Deleted }

// Add adds up.
func (r *Rows) Add(more Rows) {
	r.Inserted, r.Updated, r.Deleted = r.Inserted+more.Inserted, r.Updated+more.Updated, r.Deleted+more.Deleted
}

// Rows are those that the record writes, into the file of its first block.
func (r *Record) Rows() (File, Rows) {
	var rows Rows
	switch {
	case r.manager == managerHeap && r.info&heapKind == heapInsert:
		rows.Inserted = 1
	case r.manager == managerHeap && r.info&heapKind == heapDelete:
		rows.Deleted = 1
	case r.manager == managerHeap && (r.info&heapKind == heapUpdate || r.info&heapKind == heapHotUpdate):
		rows.Updated = 1
	case r.manager == managerHeap2 && r.info&heapKind == heapMultiInsert:
		c := cursor{rest: r.main}
		c.skip(2)
		rows.Inserted = int64(c.uint16())
	}
	if rows == (Rows{}) || len(r.Blocks) == 0 {
		return File{}, Rows{}
	}
	return r.Blocks[0].File, rows
}

// Transient tells of a row that makes a table known which is to take another's place, as
// servers do when they write a table anew: the number of its file, and that of the other table.
func (r *Record) Transient() (file, table uint32, is bool) {
	if r.manager != managerHeap || r.info&heapKind != heapInsert || len(r.Blocks) == 0 {
		return 0, 0, false
	}
	row := r.insertedRow()
	const number, name, prefix = 4, 64, "pg_temp_"
	if len(row) < number+name || !bytes.HasPrefix(row[number:], []byte(prefix)) {
		return 0, 0, false
	}
	text, _, _ := bytes.Cut(row[number+len(prefix):number+name], []byte{0})
	of, err := strconv.ParseUint(string(text), 10, 32)
	return binary.NativeEndian.Uint32(row), uint32(of), err == nil
}

// insertedRow is the row of an insert, from its first column on: from the change of the
// block, or from its image. An image that is compressed shows nothing.
func (r *Record) insertedRow() []byte {
	const (
		rowHeader = 23 // bytes of a row before its columns, and before the map of those without a value
		shortened = 5  // bytes that are left of it in the log; the last says where columns begin
	)
	if !r.Blocks[0].Image {
		if len(r.data) < shortened {
			return nil
		}
		from := shortened + int(r.data[shortened-1]) - rowHeader
		if from < shortened || from > len(r.data) {
			return nil
		}
		return r.data[from:]
	}
	if r.image.compressed || len(r.main) < 2 || r.image.length > len(r.data) {
		return nil
	}
	page := r.data[:r.image.length]
	const pageHeader, pointer = 24, 4
	at := pageHeader + pointer*(int(binary.NativeEndian.Uint16(r.main))-1)
	if at < pageHeader || at+pointer > len(page) {
		return nil
	}
	row := int(binary.NativeEndian.Uint32(page[at:]) & 0x7fff)
	if row >= r.image.hole {
		row -= r.format.Page - r.image.length
	}
	if row < 0 || row+rowHeader > len(page) {
		return nil
	}
	return page[min(row+int(page[row+rowHeader-1]), len(page)):]
}
