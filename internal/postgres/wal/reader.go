package wal

import (
	"encoding/binary"

	"understudy"
)

// Format is what has to be known of a server to read its log.
type Format struct {
	Major   int
	Page    int // bytes: wal_block_size
	Segment int // bytes: wal_segment_size
}

// Reader cuts the log into records. It is for one goroutine.
type Reader struct {
	format Format
	from   uint64 // records that begin before are not handed over
	at     uint64 // place of the next byte
	header []byte // of the page, as far as it has come
	skip   uint64 // to be passed over on this page: of a record that began before the start
	until  uint64 // all before this place is to be passed over, pages and all

	record []byte // the one that goes on, as far as it has come
	begun  uint64 // where it begins
	parsed Record
}

// NewReader reads from a place on. The bytes handed to [Reader.Read] have to begin at
// [Reader.Begin], which is a little before.
func NewReader(format Format, from uint64) *Reader {
	return &Reader{format: format, from: from, at: from - from%uint64(format.Page)}
}

// Begin is the place of the first byte that Read wants, or of the next.
func (r *Reader) Begin() uint64 { return r.at }

const (
	shortHeader = 24 // bytes of a page's header
	longHeader  = 40 // of that of a segment's first page
	alignment   = 8  // records begin at multiples

	pageContinues = 0x0001 // its first bytes belong to a record that began before
	pageLong      = 0x0002
)

// Read takes the next piece of the log, which stands at a place, and hands over the
// records that end in it. A record is valid until each returns; an error of each is
// returned, and the reader cannot go on after one.
func (r *Reader) Read(at uint64, piece []byte, each func(*Record) error) error {
	if at != r.at {
		return understudy.Errorf(understudy.KindInternal, "reading the write-ahead log: a piece at %d came where %d was next", at, r.at)
	}
	for len(piece) > 0 {
		taken, err := r.take(piece, each)
		if err != nil {
			return err
		}
		piece = piece[taken:]
		r.at += uint64(taken)
	}
	return nil
}

// take reads what begins at r.at: a header, or what stands on the page behind it.
func (r *Reader) take(piece []byte, each func(*Record) error) (taken int, err error) {
	if r.at < r.until {
		return int(min(r.until-r.at, uint64(len(piece)))), nil
	}
	page := uint64(r.format.Page)
	within := r.at % page
	if within == 0 {
		r.header = r.header[:0]
	}
	if int(within) == len(r.header) && len(r.header) < r.headerLength() {
		return r.takeHeader(piece)
	}
	piece = piece[:min(int(page-within), len(piece))]
	switch {
	case r.skip > 0:
		taken = int(min(r.skip, uint64(len(piece))))
		r.skip -= uint64(taken)
		return taken, nil
	case len(r.record) == 0 && r.at%alignment != 0:
		return min(int(alignment-r.at%alignment), len(piece)), nil
	}
	return r.collect(piece, each)
}

func (r *Reader) takeHeader(piece []byte) (taken int, err error) {
	for len(r.header) < r.headerLength() && taken < len(piece) {
		more := min(r.headerLength()-len(r.header), len(piece)-taken)
		r.header = append(r.header, piece[taken:taken+more]...)
		taken += more
	}
	if len(r.header) == r.headerLength() {
		return taken, r.turn()
	}
	return taken, nil
}

func (r *Reader) headerLength() int {
	if len(r.header) >= shortHeader && binary.NativeEndian.Uint16(r.header[2:])&pageLong != 0 {
		return longHeader
	}
	return shortHeader
}

// turn takes in the header of a page: the record that was begun goes on here, or never was
// ended, as the server crashed in the middle of it.
func (r *Reader) turn() error {
	start := r.at - r.at%uint64(r.format.Page)
	if at := binary.NativeEndian.Uint64(r.header[8:]); at != start {
		return understudy.Errorf(understudy.KindInternal, "reading the write-ahead log: the page at %d says that it stands at %d", start, at)
	}
	goesOn := binary.NativeEndian.Uint16(r.header[2:])&pageContinues != 0
	rest := uint64(binary.NativeEndian.Uint32(r.header[16:]))
	switch {
	case !goesOn:
		r.record = r.record[:0]
	case len(r.record) == 0 || rest != uint64(binary.NativeEndian.Uint32(r.record))-uint64(len(r.record)):
		r.record = r.record[:0]
		r.skip = min(rest, uint64(r.format.Page-len(r.header))) // the next page says again how much is left
	}
	return nil
}

// collect adds to the record that goes on, and hands it over when it is whole.
func (r *Reader) collect(piece []byte, each func(*Record) error) (taken int, err error) {
	if len(r.record) == 0 {
		r.begun = r.at
	}
	for _, wanted := range []int{4, 0} { // its length comes first
		if wanted == 0 {
			wanted = int(binary.NativeEndian.Uint32(r.record))
			if wanted < recordHeader {
				return 0, understudy.Errorf(understudy.KindInternal, "reading the write-ahead log: a record of %d bytes at %d", wanted, r.begun)
			}
		}
		if more := min(wanted-len(r.record), len(piece)-taken); more > 0 {
			r.record = append(r.record, piece[taken:taken+more]...)
			taken += more
		}
		if len(r.record) < wanted {
			return taken, nil
		}
	}
	err = r.parsed.parse(r.record, r.format)
	r.parsed.Start, r.parsed.End = r.begun, r.at+uint64(taken)
	r.record = r.record[:0]
	if err != nil {
		return taken, err
	}
	if r.parsed.isSwitch() { // the rest of the segment is empty, without headers
		segment := uint64(r.format.Segment)
		r.until = (r.parsed.End + segment - 1) / segment * segment
	}
	if r.begun < r.from {
		return taken, nil
	}
	return taken, each(&r.parsed)
}
