package leak

import (
	"crypto/rand"
	"encoding/binary"
	"math/bits"
)

// key is the secret that fingerprints are made under.
type key struct{ k0, k1 uint64 }

func newKey() key {
	var raw [16]byte
	_, _ = rand.Read(raw[:]) // never fails: crypto/rand ends the program instead
	return key{binary.LittleEndian.Uint64(raw[:8]), binary.LittleEndian.Uint64(raw[8:])}
}

// printBits is the size of a fingerprint: what is left of 64 bits when a spilled record
// also says which column it is of.
const (
	printBits     = 48 + partitionBits
	partitionBits = 10
	partitions    = 1 << partitionBits
	lowBits       = 1<<48 - 1
)

// print is a value's fingerprint.
func (k key) print(value []byte) uint64 { return k.sip(value) & (1<<printBits - 1) }

// partition is the part of a spill that a fingerprint belongs to.
func partition(print uint64) int { return int(print >> 48) }

// sip is SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012).
func (k key) sip(value []byte) uint64 {
	v0, v1 := k.k0^0x736f6d6570736575, k.k1^0x646f72616e646f6d
	v2, v3 := k.k0^0x6c7967656e657261, k.k1^0x7465646279746573
	last := uint64(len(value)) << 56
	for ; len(value) >= 8; value = value[8:] {
		m := binary.LittleEndian.Uint64(value)
		v3 ^= m
		v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
		v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
		v0 ^= m
	}
	for i, b := range value {
		last |= uint64(b) << (8 * i)
	}
	v3 ^= last
	v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
	v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
	v0 ^= last
	v2 ^= 0xff
	for range 4 {
		v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
	}
	return v0 ^ v1 ^ v2 ^ v3
}

func sipRound(v0, v1, v2, v3 uint64) (uint64, uint64, uint64, uint64) {
	v0 += v1
	v1 = bits.RotateLeft64(v1, 13) ^ v0
	v0 = bits.RotateLeft64(v0, 32)
	v2 += v3
	v3 = bits.RotateLeft64(v3, 16) ^ v2
	v0 += v3
	v3 = bits.RotateLeft64(v3, 21) ^ v0
	v2 += v1
	v1 = bits.RotateLeft64(v1, 17) ^ v2
	v2 = bits.RotateLeft64(v2, 32)
	return v0, v1, v2, v3
}
