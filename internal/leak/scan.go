package leak

import (
	"math/bits"
)

// Scanner searches values for originals. It belongs to one goroutine, and is flushed when
// there are no more values.
type Scanner struct {
	set     *Set
	leaves  leaves
	text    skeleton
	leaf    uint64 // fingerprint of the whole leaf, once it was needed
	pending [128]candidate
	filled  int
	values  int64
}

// candidate is a piece of a value that may be an original.
type candidate struct {
	print, leaf uint64
	place       uint32
	flags       uint32
}

const (
	flagWhole = 1 << iota // the piece is the whole value
	flagWeak              // it says little of anybody
)

// Scanner makes one.
func (s *Set) Scanner() *Scanner { return &Scanner{set: s} }

// Value searches one value of a column, which may not be NULL.
func (s *Scanner) Value(at *Place, value []byte) error {
	s.values++
	switch at.form {
	case Text, Number:
		return s.search(at, value, flagWhole)
	case Binary:
		return s.searchBytes(at, value)
	}
	s.leaves.start(at.form, value)
	for {
		leaf, more := s.leaves.next()
		if !more {
			return nil
		}
		if err := s.search(at, leaf, 0); err != nil {
			return err
		}
	}
}

// Flush hands over what was found last.
func (s *Scanner) Flush() error {
	s.set.values.Add(s.values)
	s.values = 0
	return s.lookUp()
}

// search looks at every run of words of a leaf that has a length which is noted for its
// beginning.
func (s *Scanner) search(at *Place, leaf []byte, wholly uint32) error {
	t := &s.text
	t.fold(leaf)
	s.leaf = 0
	n := len(t.bytes)
	if n == 0 {
		return nil
	}
	if n < longest && weak(t.bytes) {
		if at.form != Number && s.set.watch.lengths.has(t.bytes) {
			return s.found(at, t.bytes, wholly|flagWeak)
		}
		return nil
	}
	for i := 0; i+8 <= n; i++ {
		if t.edges[i] {
			if err := s.from(at, i, wholly, false); err != nil {
				return err
			}
		}
	}
	return nil
}

// from looks at the runs that begin at a position of the text.
func (s *Scanner) from(at *Place, i int, wholly uint32, anywhere bool) error {
	t := &s.text
	rest := t.bytes[i:]
	known := s.set.watch.lengths.slot(firstEight(rest)).Load()
	if len(rest) < longest {
		known &= 1<<len(rest) - 1
	}
	for known &^= 1<<7 - 1; known != 0; known &= known - 1 {
		length := bits.TrailingZeros64(known) + 1
		if !anywhere && length < longest && !t.ends(i+length) {
			continue
		}
		piece := rest[:length]
		if weak(piece) {
			continue
		}
		flags := uint32(0)
		if i == 0 && (length == len(rest) || length == longest) {
			flags = wholly
		}
		if anywhere && partOfNumber(t.bytes, i, i+length) {
			flags |= flagWeak
		}
		if err := s.found(at, piece, flags); err != nil {
			return err
		}
	}
	return nil
}

// partOfNumber tells whether a run of digits stands in a longer one: among bytes whose
// values nobody has separated, that is chance.
func partOfNumber(text []byte, from, to int) bool {
	digit := func(at int) bool { return at >= 0 && at < len(text) && text[at] >= '0' && text[at] <= '9' }
	for i := from; i < to; i++ {
		if !digit(i) {
			return false
		}
	}
	return digit(from-1) || digit(to)
}

func (s *Scanner) found(at *Place, piece []byte, flags uint32) error {
	print := s.set.watch.key.print(piece)
	leaf := print // of bytes nobody knows where a value begins and ends
	if at.mask != "" && !at.raw {
		if s.leaf == 0 {
			s.leaf = s.set.watch.key.print(s.text.bytes)
		}
		leaf = s.leaf
	}
	s.pending[s.filled] = candidate{print, leaf, at.id, flags}
	if s.filled++; s.filled == len(s.pending) {
		return s.lookUp()
	}
	return nil
}

// lookUp holds what is pending against the filter, all at once: the processor then waits
// for several lines of memory at the same time.
func (s *Scanner) lookUp() error {
	pending := s.pending[:s.filled]
	s.filled = 0
	for i := range pending {
		c := &pending[i]
		if !s.set.bloom.has(c.print) {
			continue
		}
		if err := s.set.candidates.add(partition(c.print), c.print, c.leaf, uint64(c.place)<<32|uint64(c.flags)); err != nil {
			return err
		}
	}
	return nil
}
