package mask

import (
	"hash/maphash"
	"sync/atomic"
)

const (
	memoSlots = 1 << 16
	memoBytes = 28 // longer values are not remembered
)

// part is what is remembered of values: one text has another mask as a word than as a host.
type part uint8

const (
	partWord part = iota + 1
	partLocal
	partHost
	partPhone
)

// memo remembers the masks of short values that come again: first names, words of streets,
// the address that a customer, her orders and her profile share. It takes four megabytes,
// the last value that fell into a slot has it, and forgetting changes no result. It is
// safe for use by several goroutines at once; who finds a slot in use does without.
type memo struct {
	seed  maphash.Seed
	slots [memoSlots]memoSlot
}

// memoSlot fills one line of the processor's cache: finding costs about as much as one
// round of the cipher, and remembering leaves nothing for the garbage collector.
type memoSlot struct {
	taken         atomic.Uint32
	part          part
	value, masked uint8 // lengths
	bytes         [2 * memoBytes]byte
	_             byte
}

// find appends the mask of a value, if it is the one that is remembered here.
func (s *memoSlot) find(dst []byte, p part, value []byte) (masked []byte, found bool) {
	if !s.taken.CompareAndSwap(0, 1) {
		return dst, false
	}
	if found = s.part == p && string(s.bytes[:s.value]) == string(value); found {
		dst = append(dst, s.bytes[s.value:s.value+s.masked]...)
	}
	s.taken.Store(0)
	return dst, found
}

func (s *memoSlot) keep(p part, value, masked []byte) {
	if len(value)+len(masked) > len(s.bytes) || !s.taken.CompareAndSwap(0, 1) {
		return
	}
	s.part, s.value, s.masked = p, uint8(len(value)), uint8(len(masked))
	copy(s.bytes[copy(s.bytes[:], value):], masked)
	s.taken.Store(0)
}

// remembered appends the mask of a value, made by masked where it is not remembered.
func (k *keyed) remembered(dst []byte, p part, value []byte, masked func(k *keyed, dst, value []byte) []byte) []byte {
	if len(value) > memoBytes {
		return masked(k, dst, value)
	}
	slot := &k.memo.slots[maphash.Bytes(k.memo.seed, value)%memoSlots]
	dst, found := slot.find(dst, p, value)
	if found {
		return dst
	}
	start := len(dst)
	dst = masked(k, dst, value)
	slot.keep(p, value, dst[start:])
	return dst
}
