package mask

import (
	"encoding/binary"
	"hash/maphash"
	"sync/atomic"
)

const (
	memoSlots = 1 << 16
	memoWords = 7
	memoBytes = 4 * memoWords // longer values are not remembered
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
// safe for use by several goroutines at once; who finds a slot being written does without.
type memo struct {
	seed  maphash.Seed
	slots *[memoSlots]memoSlot // apart, so that each is one line of the processor's cache
}

func newMemo() memo { return memo{maphash.MakeSeed(), new([memoSlots]memoSlot)} }

// memoSlot fills one line of the processor's cache: finding costs about as much as one
// round of the cipher, and remembering leaves nothing for the garbage collector. Who only
// reads writes nothing there, so that the hosts and words that come in every row lie in the
// caches of all processors at once.
type memoSlot struct {
	head  atomic.Uint64 // see memoHead; another one with every value
	words [memoWords]atomic.Uint64
}

// memoHead is a slot's head: what is remembered, of what lengths, and whether it is being written.
// The upper half counts the values that the slot has had.
type memoHead uint64

const memoBusy memoHead = 1

func (h memoHead) next(p part, value, masked int) memoHead {
	return (h>>32+1)<<32 | memoHead(p)<<8 | memoHead(value)<<16 | memoHead(masked)<<24
}

// holds tells whether a value of this sort and length may be there, and where its mask ends.
func (h memoHead) holds(p part, value int) (end int, may bool) {
	const ofValue = 0xffff00 | uint64(memoBusy)
	return value + int(h>>24&0xff), uint64(h)&ofValue == uint64(p)<<8|uint64(value)<<16
}

// find appends the mask of a value, if it is the one that is remembered here.
func (s *memoSlot) find(dst []byte, p part, value []byte) (masked []byte, found bool) {
	head := s.head.Load()
	end, may := memoHead(head).holds(p, len(value))
	if !may {
		return dst, false
	}
	var room [8 * memoWords]byte
	for i := range (end + 7) / 8 {
		binary.LittleEndian.PutUint64(room[8*i:], s.words[i].Load())
	}
	if s.head.Load() != head || string(room[:len(value)]) != string(value) {
		return dst, false
	}
	return append(dst, room[len(value):end]...), true
}

func (s *memoSlot) keep(p part, value, masked []byte) {
	head := s.head.Load()
	end := len(value) + len(masked)
	if end > 8*memoWords || memoHead(head)&memoBusy != 0 || !s.head.CompareAndSwap(head, head|uint64(memoBusy)) {
		return
	}
	var room [8 * memoWords]byte
	copy(room[copy(room[:], value):], masked)
	for i := range (end + 7) / 8 {
		s.words[i].Store(binary.LittleEndian.Uint64(room[8*i:]))
	}
	s.head.Store(uint64(memoHead(head).next(p, len(value), len(masked))))
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
