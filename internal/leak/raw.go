package leak

import (
	"bytes"
	"context"
	"errors"
	"io"
)

// Pieces of a file: what is read at once, and what of an unbroken run is looked at again
// with the next piece, so that nothing is missed at a seam.
const (
	pieceBytes = 256 << 10
	seamBytes  = 4 * longest
)

// Raw searches a stream of bytes at every position, as for files of a physical copy: pages
// of tables and indexes, write-ahead log, logs. Control characters end a run of text.
// Values that are compressed, or cut in two by the form of the file, are not found.
func (s *Set) Raw(ctx context.Context, name string, from io.Reader) error {
	at := s.place(&Place{name: name, form: Binary, mask: "any", raw: true})
	scanner := s.Scanner()
	piece := make([]byte, 0, seamBytes+pieceBytes)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := io.ReadFull(from, piece[len(piece):cap(piece)])
		piece = piece[:len(piece)+n]
		if searched := scanner.searchBytes(at, piece); searched != nil {
			return searched
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			scanner.values++
			return scanner.Flush()
		case err != nil:
			return spillError("reading "+name+" for the leak check", err)
		}
		seam := piece[max(0, len(piece)-seamBytes):]
		if end := bytes.LastIndexFunc(seam, func(r rune) bool { return r < ' ' }); end >= 0 {
			seam = seam[end+1:]
		}
		piece = piece[:copy(piece[:seamBytes], seam)]
	}
}

// searchBytes searches the runs of text in bytes, from every position to every position.
func (s *Scanner) searchBytes(at *Place, value []byte) error {
	for len(value) > 0 {
		end := 0
		for end < len(value) && value[end] >= ' ' && value[end] != 0x7F {
			end++
		}
		if end >= 8 {
			if err := s.searchRun(at, value[:end]); err != nil {
				return err
			}
		}
		value = value[min(end+1, len(value)):]
	}
	return nil
}

func (s *Scanner) searchRun(at *Place, run []byte) error {
	s.text.fold(run)
	s.leaf = 0
	for i := 0; i+8 <= len(s.text.bytes); i++ {
		if err := s.from(at, i, 0, true); err != nil {
			return err
		}
	}
	return nil
}
