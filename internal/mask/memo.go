package mask

import (
	"hash/maphash"
	"sync/atomic"
)

const (
	memoSlots = 1 << 14
	memoBytes = 48 // longer values are not remembered
)

// memo remembers the masks of short values that come again and again: first names, words
// of streets, domains of addresses. It is bounded, a value is kept only when it comes a
// second time while no other has taken its slot, and forgetting changes no result. It is
// safe for use by several goroutines at once.
type memo struct {
	seed  maphash.Seed
	slots [memoSlots]struct {
		last  atomic.Uint64 // hash of what was asked for last
		entry atomic.Pointer[memoEntry]
	}
}

// memoEntry is a value with its mask behind it.
type memoEntry struct {
	purpose, both string
	length        int // of the value
}

// remembered appends the mask of a value, made by masked where it is not remembered.
func (k *keyed) remembered(dst []byte, purpose string, value []byte, masked func(k *keyed, dst, value []byte) []byte) []byte {
	if len(value) > memoBytes {
		return masked(k, dst, value)
	}
	hash := maphash.Bytes(k.memo.seed, value)
	slot := &k.memo.slots[hash%memoSlots]
	if e := slot.entry.Load(); e != nil && e.both[:e.length] == string(value) && e.purpose == purpose {
		return append(dst, e.both[e.length:]...)
	}
	start := len(dst)
	dst = masked(k, dst, value)
	if slot.last.Swap(hash) == hash {
		slot.entry.Store(&memoEntry{purpose, string(value) + string(dst[start:]), len(value)})
	}
	return dst
}
