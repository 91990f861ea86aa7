package heap

import (
	"bytes"
	"encoding/binary"
)

// field is one value of a tuple that is not null.
type field struct {
	content []byte // without its header
	plain   bool   // content is the value as its type stores it
	outside bool   // the value lies in the TOAST table
}

// outsideSize is the bytes of a pointer into the TOAST table, its header included.
const (
	outsideSize = 18
	outsideTag  = 18
)

// fields shows act the fields of a tuple up to the last column that matters.
func (w *Writer) fields(tuple []byte, act func(*Column, field) error) error {
	count, start := int(binary.LittleEndian.Uint16(tuple[18:])&0x7ff), int(tuple[22])
	nulls := binary.LittleEndian.Uint16(tuple[20:])&hasNull != 0
	if start%8 != 0 || start < tupleHeader || start > len(tuple) || count > len(w.table.Columns) ||
		nulls && (start-tupleHeader)*8 < count {
		return malformed("the header of a tuple does not fit its table")
	}
	at := start
	for i := range min(count, w.last+1) {
		if nulls && tuple[tupleHeader+i>>3]>>(i&7)&1 == 0 {
			continue
		}
		c := &w.table.Columns[i]
		f, end := c.read(tuple, at)
		if end < 0 || end > len(tuple) {
			return malformed("a field leads out of its tuple")
		}
		if c.Mask != nil || c.Dropped {
			if err := act(c, f); err != nil {
				return err
			}
		}
		at = end
	}
	return nil
}

// read finds the field of a column that starts at or behind at, and where it ends; -1 is
// outside the tuple.
func (c *Column) read(tuple []byte, at int) (f field, end int) {
	switch {
	case c.Length > 0:
		at = c.aligned(at)
		end = at + int(c.Length)
		if end > len(tuple) {
			return f, -1
		}
		return field{content: tuple[at:end], plain: true}, end
	case at >= len(tuple):
		return f, -1
	case c.Length == -2:
		length := bytes.IndexByte(tuple[at:], 0)
		if length < 0 {
			return f, -1
		}
		return field{content: tuple[at : at+length]}, at + length + 1
	}
	if tuple[at] == 0 { // padding in front of a header of four bytes
		at = c.aligned(at)
	}
	return readVarlena(tuple, at)
}

// readVarlena reads a value that says its own length, in one of four ways (varatt.h).
func readVarlena(tuple []byte, at int) (f field, end int) {
	if at >= len(tuple) {
		return f, -1
	}
	switch first := tuple[at]; {
	case first == 1:
		if at+outsideSize > len(tuple) || tuple[at+1] != outsideTag {
			return f, -1
		}
		return field{outside: true}, at + outsideSize
	case first&1 == 1:
		end = at + int(first>>1)
		if end > len(tuple) || end <= at {
			return f, -1
		}
		return field{content: tuple[at+1 : end], plain: true}, end
	case at+4 > len(tuple):
		return f, -1
	}
	header := binary.LittleEndian.Uint32(tuple[at:])
	end = at + int(header>>2)
	if end > len(tuple) || end < at+4 {
		return f, -1
	}
	if header&3 == 0 {
		return field{content: tuple[at+4 : end], plain: true}, end
	}
	if end < at+8 {
		return f, -1
	}
	return field{content: tuple[at+8 : end]}, end // compressed: the size of the whole stands first
}

func (c *Column) aligned(at int) int {
	size := 1
	switch c.Align {
	case 's':
		size = 2
	case 'i':
		size = 4
	case 'd':
		size = 8
	}
	return (at + size - 1) &^ (size - 1)
}
