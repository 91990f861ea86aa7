package mask

import (
	"crypto/aes"
	"encoding/binary"
)

// longRounds is enough for halves of more than 63 bits each: a Feistel network of four
// rounds is a strong pseudo-random permutation up to about 2^31 strings of one structure
// (Luby and Rackoff). It is walked once forward and once back.
const longRounds = 4

// permuteLong does what permute does for strings whose halves exceed 64 bits, symbol by
// symbol: those of one half move by what a stream, keyed by the other half, says.
func (k *keyed) permuteLong(s *symbols) {
	for r := range longRounds {
		k.feistel(s, r, false)
	}
	increment(s)
	for r := longRounds - 1; r >= 0; r-- {
		k.feistel(s, r, true)
	}
}

// feistel does one round.
func (k *keyed) feistel(s *symbols, round int, back bool) {
	middle := len(s.value) / 2
	from, to := [2]int{middle, len(s.value)}, [2]int{0, middle}
	if round%2 == 1 {
		from, to = to, from
	}
	k.absorb(s, round, from)
	value, radices := s.value[to[0]:to[1]], s.radix[to[0]:to[1]]
	for position := 0; position < len(value); position += aes.BlockSize / 2 {
		k.squeeze(s, position)
		end := min(position+aes.BlockSize/2, len(value))
		for i := position; i < end; i++ {
			radix := radices[i]
			move := uint32(binary.BigEndian.Uint16(s.stream[2*(i-position):])) * radix >> 16
			if back {
				move = radix - move
			}
			if move += uint32(value[i]); move >= radix {
				move -= radix
			}
			value[i] = uint16(move)
		}
	}
}

// absorb digests one half, under the structure and the round, into s.block. The digest of
// the structure is secret, so that adding the first block to it keeps structures apart.
func (k *keyed) absorb(s *symbols, round int, half [2]int) {
	copy(s.block[:], s.mixed[:])
	s.block[0] ^= byte(round)
	filled := 1
	for i := half[0]; i < half[1]; i++ {
		if filled >= aes.BlockSize-1 {
			k.round.Encrypt(s.block[:], s.block[:])
			filled = 0
		}
		s.block[filled] ^= byte(s.value[i])
		filled++
		if s.radix[i] > 256 {
			s.block[filled] ^= byte(s.value[i] >> 8)
			filled++
		}
	}
	k.round.Encrypt(s.block[:], s.block[:])
}

// squeeze makes the next block of the round's stream, eight symbols long.
func (k *keyed) squeeze(s *symbols, position int) {
	copy(s.stream[:], s.block[:])
	if position == 0 {
		return
	}
	counter := binary.BigEndian.Uint64(s.stream[8:])
	binary.BigEndian.PutUint64(s.stream[8:], counter^uint64(position))
	k.tweak.Encrypt(s.stream[:], s.stream[:])
}

// increment adds one to the string as a number in mixed radices, the last one carries into
// the first.
func increment(s *symbols) {
	for i := len(s.value) - 1; i >= 0; i-- {
		s.value[i]++
		if uint32(s.value[i]) < s.radix[i] {
			return
		}
		s.value[i] = 0
	}
}
