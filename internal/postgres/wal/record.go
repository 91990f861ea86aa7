package wal

import (
	"encoding/binary"

	"understudy"
)

// Record is one change, as the log tells it.
type Record struct {
	Start, End  uint64
	Transaction uint32 // 0: of none
	Blocks      []Block

	manager, info uint8
	format        Format
	data          []byte // of all parts: images and changes of blocks, then main
	main          []byte
	image         image // of the first block
}

// image is a page that was written out; the hole in its middle is left out.
type image struct {
	length, hole int // bytes, and where the hole begins
	compressed   bool
}

// File is a relation's file, by its number in a database and a tablespace.
type File struct{ Tablespace, Database, Number uint32 }

// Block is a block that a record changes.
type Block struct {
	File  File
	Fork  uint8 // 0: the rows themselves
	Image bool  // written out as a whole
}

const recordHeader = 24

// Marks in the list of a record's parts; numbers up to mostBlocks name blocks.
const (
	partShort       = 255
	partLong        = 254
	partOrigin      = 253
	partTransaction = 252
	mostBlocks      = 32
)

// Flags of a block.
const (
	blockFork     = 0x0f
	blockImage    = 0x10
	blockSameFile = 0x80
)

func (r *Record) parse(raw []byte, format Format) error {
	*r = Record{Transaction: binary.NativeEndian.Uint32(raw[4:]), info: raw[16], manager: raw[17], format: format, Blocks: r.Blocks[:0]}
	parts := cursor{rest: raw[recordHeader:]}
	var last File
	data, mainLength := 0, 0
	for len(parts.rest) > data && !parts.broken {
		switch part := parts.byte(); {
		case part == partShort:
			mainLength = int(parts.byte())
			data += mainLength
		case part == partLong:
			mainLength = int(parts.uint32())
			data += mainLength
		case part == partOrigin:
			parts.skip(2)
		case part == partTransaction:
			parts.skip(4)
		case part <= mostBlocks:
			data += r.parseBlock(&parts, &last)
		default:
			parts.broken = true
		}
	}
	if parts.broken || data != len(parts.rest) {
		return understudy.Errorf(understudy.KindInternal, "reading the write-ahead log: a record of %d bytes is not as version %d writes it", len(raw), format.Major)
	}
	r.data, r.main = parts.rest, raw[len(raw)-mainLength:]
	return nil
}

// parseBlock reads the part that names a block, and says how much data it has.
func (r *Record) parseBlock(parts *cursor, last *File) (data int) {
	flags := parts.byte()
	data = int(parts.uint16())
	if flags&blockImage != 0 {
		shown := image{length: int(parts.uint16()), hole: int(parts.uint16())}
		data += shown.length
		how := parts.byte()
		shown.compressed = how&r.compressed() != 0
		if how&1 != 0 && shown.compressed { // a hole, and its size is not known from the length
			parts.skip(2)
		}
		if len(r.Blocks) == 0 {
			r.image = shown
		}
	}
	if flags&blockSameFile == 0 {
		*last = parts.file()
	}
	parts.skip(4) // its number
	r.Blocks = append(r.Blocks, Block{File: *last, Fork: flags & blockFork, Image: flags&blockImage != 0})
	return data
}

// compressed are the flags of an image that is.
func (r *Record) compressed() uint8 {
	if r.format.Major < 15 {
		return 0x02
	}
	return 0x04 | 0x08 | 0x10
}

// cursor reads numbers one behind the other. Past the end it is broken and reads zeros.
type cursor struct {
	rest   []byte
	broken bool
}

func (c *cursor) next(n int) []byte {
	if n < 0 || n > len(c.rest) {
		c.broken, c.rest = true, nil
		return make([]byte, 8)
	}
	taken := c.rest[:n]
	c.rest = c.rest[n:]
	return taken
}

func (c *cursor) skip(n int) {
	if n < 0 || n > len(c.rest) {
		c.broken, c.rest = true, nil
		return
	}
	c.rest = c.rest[n:]
}

func (c *cursor) byte() uint8    { return c.next(1)[0] }
func (c *cursor) uint16() uint16 { return binary.NativeEndian.Uint16(c.next(2)) }
func (c *cursor) uint32() uint32 { return binary.NativeEndian.Uint32(c.next(4)) }

func (c *cursor) file() File {
	return File{Tablespace: c.uint32(), Database: c.uint32(), Number: c.uint32()}
}
