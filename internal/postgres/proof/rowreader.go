package proof

import (
	"encoding/binary"

	"understudy"
	"understudy/internal/leak"
)

// rowReader takes COPY's binary format in pieces of any size, and shows each value.
type rowReader struct {
	scanner *leak.Scanner
	places  []*leak.Place
	partial []byte
	began   bool
	ended   bool
}

// copyHeader is the length of the format's head: signature, flags, length of an extension,
// which is none.
const copyHeader = 19

// Write takes the next piece.
func (r *rowReader) Write(piece []byte) (int, error) {
	rest := piece
	if len(r.partial) > 0 {
		r.partial = append(r.partial, piece...)
		rest = r.partial
	}
	if !r.began {
		if len(rest) < copyHeader {
			r.partial = append(r.partial[:0], rest...)
			return len(piece), nil
		}
		rest, r.began = rest[copyHeader:], true
	}
	for len(rest) > 0 && !r.ended {
		length, err := r.row(rest)
		if err != nil {
			return 0, err
		}
		if length == 0 {
			break
		}
		rest = rest[length:]
	}
	r.partial = append(r.partial[:0], rest...)
	return len(piece), nil
}

// row shows the values of the row at the head, and says how long it is; 0: it is not
// complete yet.
func (r *rowReader) row(rest []byte) (int, error) {
	if len(rest) < 2 {
		return 0, nil
	}
	fields := int(int16(binary.BigEndian.Uint16(rest)))
	if fields < 0 {
		r.ended = true
		return 2, nil
	}
	if fields != len(r.places) {
		return 0, understudy.Errorf(understudy.KindInternal, "the server sent %d fields, expected %d", fields, len(r.places))
	}
	length := 2
	for range fields {
		if len(rest) < length+4 {
			return 0, nil
		}
		length += 4 + max(0, int(int32(binary.BigEndian.Uint32(rest[length:]))))
	}
	if len(rest) < length {
		return 0, nil
	}
	return length, r.show(rest[2:length])
}

func (r *rowReader) show(fields []byte) error {
	for _, at := range r.places {
		size := int(int32(binary.BigEndian.Uint32(fields)))
		fields = fields[4:]
		if size < 0 { // NULL
			continue
		}
		if err := r.scanner.Value(at, fields[:size]); err != nil {
			return err
		}
		fields = fields[size:]
	}
	return nil
}
