package mask

import (
	"crypto/aes"
	"encoding/binary"
	"math/bits"
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

// feistel does one round. Of each word of the stream it takes as many moves as leave 2^24
// words for each of them: then no move is noticeably likelier than another.
func (k *keyed) feistel(s *symbols, round int, back bool) {
	middle := len(s.value) / 2
	from, to := [2]int{middle, len(s.value)}, [2]int{0, middle}
	if round%2 == 1 {
		from, to = to, from
	}
	k.absorb(s, round, from)
	value, radices := s.value[to[0]:to[1]], s.radix[to[0]:to[1]]
	const room = 1 << 40
	word, used, count := uint64(0), uint64(room), 0
	for i, r := range radices {
		radix := uint64(r)
		if used *= radix; used > room {
			word, used, count = k.squeeze(s, count), radix, count+1
		}
		move, rest := bits.Mul64(word, radix)
		word = rest
		if back {
			move = radix - move
		}
		if move += uint64(value[i]); move >= radix {
			move -= radix
		}
		value[i] = uint16(move)
	}
}

// absorb digests one half, under the structure and the round, into s.block: as numbers, as
// many symbols to each as fit. The digest of the structure is secret, so that adding the
// first block to it keeps structures apart.
func (k *keyed) absorb(s *symbols, round int, half [2]int) {
	block := s.mixed
	block[0] ^= byte(round)
	n, below, filled := uint64(0), uint64(1), false
	for i := half[0]; i < half[1]; i++ {
		over, product := bits.Mul64(below, uint64(s.radix[i]))
		if over != 0 {
			filled = k.digest(s, &block, n, filled)
			n, product = 0, uint64(s.radix[i])
		}
		n, below = n*uint64(s.radix[i])+uint64(s.value[i]), product
	}
	k.digest(s, &block, n, filled)
	s.block = block
	k.round.Encrypt(s.block[:], s.block[:])
}

// digest adds a number to one half of the block and encrypts it when both are filled. It
// says whether the first now is.
func (k *keyed) digest(s *symbols, block *[aes.BlockSize]byte, n uint64, filled bool) bool {
	at := block[:8]
	if filled {
		at = block[8:]
	}
	binary.BigEndian.PutUint64(at, binary.BigEndian.Uint64(at)^n)
	if filled {
		s.block = *block
		k.round.Encrypt(s.block[:], s.block[:])
		*block = s.block
	}
	return !filled
}

// squeeze is the n-th word of the round's stream.
func (k *keyed) squeeze(s *symbols, n int) uint64 {
	if n%2 == 1 {
		return binary.BigEndian.Uint64(s.stream[8:])
	}
	s.stream = s.block
	if n > 0 {
		counter := binary.BigEndian.Uint64(s.stream[8:])
		binary.BigEndian.PutUint64(s.stream[8:], counter^uint64(n))
		k.tweak.Encrypt(s.stream[:], s.stream[:])
	}
	return binary.BigEndian.Uint64(s.stream[:])
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
