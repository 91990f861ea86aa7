package leak

import (
	"encoding/binary"
	"math/bits"
	"sync/atomic"
)

// lengths says by the first eight bytes of a skeleton which lengths are noted: bit n-1 for
// n bytes. It may say too much, never too little. It may be used by several goroutines.
type lengths struct {
	table []atomic.Uint64
	odd   uint64
}

const lengthsBits = 18

func newLengths(k key) lengths {
	return lengths{table: make([]atomic.Uint64, 1<<lengthsBits), odd: k.k0 | 1}
}

func (l *lengths) note(skeleton []byte) {
	slot, bit := l.slot(firstEight(skeleton)), uint64(1)<<(len(skeleton)-1)
	if slot.Load()&bit == 0 {
		slot.Or(bit)
	}
}

func (l *lengths) slot(first uint64) *atomic.Uint64 {
	return &l.table[(first*l.odd)>>(64-lengthsBits)]
}

// has tells whether a skeleton of this length may be noted.
func (l *lengths) has(skeleton []byte) bool {
	return l.slot(firstEight(skeleton)).Load()&(1<<(len(skeleton)-1)) != 0
}

func firstEight(skeleton []byte) uint64 {
	if len(skeleton) >= 8 {
		return binary.LittleEndian.Uint64(skeleton)
	}
	var first uint64
	for i, c := range skeleton {
		first |= uint64(c) << (8 * i)
	}
	return first
}

// bloom is a blocked Bloom filter (Putze, Sanders and Singler, "Cache-, hash- and
// space-efficient Bloom filters", 2007): all bits of a fingerprint lie in one line of the
// processor's cache. Its blocks lie in the order of the partitions, so that filling it
// partition by partition stays in the cache.
type bloom struct{ blocks [][8]uint64 }

// Bloom filters of more than this would break the promise about memory; of twelve bits for
// each fingerprint they let through less than one wrong in a hundred, of five about one in ten.
const (
	bloomBytes   = 40 << 20
	bloomBitsFor = 12
	bloomProbes  = 6
)

func newBloom(prints int64) bloom {
	blocks := min(max(prints*bloomBitsFor/512, 1024), bloomBytes/64)
	return bloom{make([][8]uint64, blocks)}
}

func (b *bloom) block(print uint64) *[8]uint64 {
	at, _ := bits.Mul64(print<<(64-printBits), uint64(len(b.blocks)))
	return &b.blocks[at]
}

func (b *bloom) add(print uint64) {
	block, h := b.block(print), print*0x9E3779B97F4A7C15
	for range bloomProbes {
		block[h>>61] |= 1 << (h >> 55 & 63)
		h <<= 9
	}
}

func (b *bloom) has(print uint64) bool {
	block, h := b.block(print), print*0x9E3779B97F4A7C15
	for range bloomProbes {
		if block[h>>61]&(1<<(h>>55&63)) == 0 {
			return false
		}
		h <<= 9
	}
	return true
}
