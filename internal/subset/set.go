package subset

import (
	"iter"
	"maps"
	"math/bits"
	"slices"
)

// Set is a set of rows, each a number of up to 63 bits. The zero value is empty and ready. It is not
// safe for several goroutines.
//
// Numbers with the same upper part share a block: a sorted list while they are few, a bitmap when
// they are many (Chambi, Lemire et al., "Better bitmap performance with Roaring
// bitmaps", 2016).
type Set struct {
	blocks map[int64]*block
	count  int64
}

// crowded is from how many numbers on a bitmap is smaller than a list.
const crowded = 4096

type block struct {
	few  []uint16
	many *[1024]uint64
}

// Add puts a row in, and tells whether it was not there.
func (s *Set) Add(row int64) bool {
	if s.blocks == nil {
		s.blocks = map[int64]*block{}
	}
	b := s.blocks[row>>16]
	if b == nil {
		b = &block{}
		s.blocks[row>>16] = b
	}
	if !b.add(uint16(row)) {
		return false
	}
	s.count++
	return true
}

// Has tells whether a row is in.
func (s *Set) Has(row int64) bool {
	b := s.blocks[row>>16]
	return b != nil && b.has(uint16(row))
}

// Len is how many rows are in.
func (s *Set) Len() int64 { return s.count }

// Rows are all that are in, in order.
func (s *Set) Rows() iter.Seq[int64] {
	return func(yield func(int64) bool) {
		for _, high := range slices.Sorted(maps.Keys(s.blocks)) {
			for low := range s.blocks[high].rows() {
				if !yield(high<<16 | int64(low)) {
					return
				}
			}
		}
	}
}

func (b *block) has(low uint16) bool {
	if b.many != nil {
		return b.many[low>>6]&(1<<(low&63)) != 0
	}
	_, found := slices.BinarySearch(b.few, low)
	return found
}

func (b *block) add(low uint16) bool {
	if b.many != nil {
		was := b.many[low>>6]
		b.many[low>>6] |= 1 << (low & 63)
		return b.many[low>>6] != was
	}
	at, found := slices.BinarySearch(b.few, low)
	if found {
		return false
	}
	if len(b.few) < crowded {
		b.few = slices.Insert(b.few, at, low)
		return true
	}
	b.many = &[1024]uint64{}
	for _, one := range b.few {
		b.many[one>>6] |= 1 << (one & 63)
	}
	b.few = nil
	return b.add(low)
}

func (b *block) rows() iter.Seq[uint16] {
	if b.many == nil {
		return slices.Values(b.few)
	}
	return func(yield func(uint16) bool) {
		for i, word := range b.many {
			for ; word != 0; word &= word - 1 {
				if !yield(uint16(i<<6 | bits.TrailingZeros64(word))) {
					return
				}
			}
		}
	}
}
