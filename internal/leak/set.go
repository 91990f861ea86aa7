package leak

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
)

// Set is everything that was noted, ready to be looked up. Its Scanners may run at the
// same time; Judge comes after them.
type Set struct {
	watch      *Watch
	bloom      bloom
	candidates *spill // records: fingerprint, the leaf's fingerprint, place and flags

	mu     sync.Mutex
	places []*Place
	values atomic.Int64
}

// Place is where values of the twin are: a column, or a file.
type Place struct {
	id   uint32
	name string
	form Form
	mask string // empty: no mask was to change it
	raw  bool   // bytes whose leaves nobody knows
}

// Seal ends the noting: every original and result has passed by now. The caller closes
// the set, which leaves the watch to its owner.
func (w *Watch) Seal(ctx context.Context) (*Set, error) {
	file, err := w.room()
	if err != nil {
		return nil, spillError("making room for the leak check", err)
	}
	s := &Set{watch: w, bloom: newBloom(w.originals.count()), candidates: newSpill(file, 3)}
	for at := range partitions {
		if err := ctx.Err(); err != nil {
			return nil, errors.Join(err, file.Close())
		}
		err := w.originals.each(at, func(record []uint64) { s.bloom.add(whole(at, record[0])) })
		if err != nil {
			return nil, errors.Join(err, file.Close())
		}
	}
	return s, nil
}

// whole is the fingerprint that a word of a spill was made of.
func whole(partition int, word uint64) uint64 { return uint64(partition)<<48 | word>>16 }

// Close gives the set's room back.
func (s *Set) Close() error { return s.candidates.file.Close() }

// Originals is how many were noted, those that repeat themselves within a short time once.
func (s *Set) Originals() int64 { return s.watch.originals.count() }

// Values is how many values the scanners were shown.
func (s *Set) Values() int64 { return s.values.Load() }

// Column names a column of the twin before its values are shown. If it was masked, the
// name of it is that which the masks were asked for.
func (s *Set) Column(name string, form Form) *Place {
	return s.place(&Place{name: name, form: form, mask: s.watch.maskOf(name)})
}

func (s *Set) place(p *Place) *Place {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.id = uint32(len(s.places))
	s.places = append(s.places, p)
	return p
}

// maskOf is the name of a column's mask; "mask" if it has none.
func (w *Watch) maskOf(name string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.columns {
		if c.name == name {
			return c.maskName()
		}
	}
	return ""
}

func (c *column) maskName() string {
	if c.mask == "" {
		return "mask of " + c.name
	}
	return c.mask
}
