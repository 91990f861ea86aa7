package mask

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"math"
	"sync"

	"understudy"
)

// The Feistel network is walked once forward and once back for every value: 16 rounds in
// all, and 8 for strings so long that each half alone cannot be enumerated.
const (
	rounds     = 8
	roundsLong = 4
	long       = 24 // symbols
)

// minKey is the least number of bytes of key material.
const minKey = 16

// keyed is everything that is derived from the project's key. It is safe for use by
// several goroutines at once.
type keyed struct {
	round  cipher.Block // of the Feistel network
	tweak  cipher.Block // of the structure's digest
	mac    []byte       // for hash
	weeks  int          // dates move back by this many weeks
	pool   sync.Pool    // of *symbols
	places places
}

func newKeyed(key []byte) (*keyed, error) {
	if len(key) < minKey {
		return nil, understudy.Errorf(understudy.KindInvalid, "masking needs a key of at least %d bytes, found %d", minKey, len(key))
	}
	k := &keyed{mac: derive(key, "hash")}
	var err error
	if k.round, err = aes.NewCipher(derive(key, "round")[:16]); err != nil {
		return nil, understudy.Errorf(understudy.KindInternal, "making the masking cipher: %w", err)
	}
	if k.tweak, err = aes.NewCipher(derive(key, "tweak")[:16]); err != nil {
		return nil, understudy.Errorf(understudy.KindInternal, "making the masking cipher: %w", err)
	}
	k.weeks = 5 + int(binary.BigEndian.Uint32(derive(key, "date"))%100)
	k.pool.New = func() any { return new(symbols) }
	return k, nil
}

func derive(key []byte, purpose string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("understudy mask 1 " + purpose))
	return mac.Sum(nil)
}

// symbols is a string taken apart: numbers, each below its radix, and the structure that
// they were found in. Strings are permuted among those with an equal structure.
type symbols struct {
	value, radix []uint16
	structure    []byte
	block        [aes.BlockSize]byte
	stream       [aes.BlockSize]byte
	mixed        [aes.BlockSize]byte
}

// take returns an empty string of symbols whose structure begins with what it is for.
func (k *keyed) take(purpose string) *symbols {
	s := k.pool.Get().(*symbols)
	s.value, s.radix, s.structure = s.value[:0], s.radix[:0], append(s.structure[:0], purpose...)
	s.structure = append(s.structure, 0)
	return s
}

func (k *keyed) give(s *symbols) { k.pool.Put(s) }

func (s *symbols) add(value, radix int) {
	s.value, s.radix = append(s.value, uint16(value)), append(s.radix, uint16(radix))
}

// permute replaces the string by its image under a keyed permutation Q of all strings of
// its structure:
//
//	Q = P⁻¹ ∘ (+1) ∘ P        P: a Feistel network over mixed radices
//
// P spreads the strings in an order that only the key knows, Q goes to the next one in
// that order. Q is therefore one cycle through the whole domain: a bijection that leaves
// nothing in its place, unless the domain has a single string.
func (k *keyed) permute(s *symbols) {
	switch len(s.value) {
	case 0:
		return
	case 1:
		k.permuteOne(s)
		return
	}
	k.seal(s)
	n := rounds
	if len(s.value) >= long {
		n = roundsLong
	}
	for r := range n {
		k.feistel(s, r, false)
	}
	increment(s)
	for r := n - 1; r >= 0; r-- {
		k.feistel(s, r, true)
	}
}

// permuteWithin permutes only the strings for which inside holds, of which s is one: it
// walks the cycle until it meets the next one. It ends, at the latest where it began.
func (k *keyed) permuteWithin(s *symbols, inside func(value []uint16) bool) {
	for k.permute(s); !inside(s.value); k.permute(s) {
	}
}

// permuteOne permutes a single symbol as two digits of a slightly larger domain, walking
// past what is outside.
func (k *keyed) permuteOne(s *symbols) {
	value, radix := s.value[0], s.radix[0]
	if radix < 2 {
		return
	}
	high := uint16(math.Ceil(math.Sqrt(float64(radix))))
	low := (radix + high - 1) / high
	s.value, s.radix = append(s.value[:0], value/low, value%low), append(s.radix[:0], high, low)
	k.permuteWithin(s, func(v []uint16) bool { return int(v[0])*int(low)+int(v[1]) < int(radix) })
	s.value, s.radix = append(s.value[:0], s.value[0]*low+s.value[1]), append(s.radix[:0], radix)
}

// seal digests the structure to one block: CBC-MAC over lengths and structure, which makes
// no input the beginning of another.
func (k *keyed) seal(s *symbols) {
	clear(s.mixed[:])
	binary.BigEndian.PutUint64(s.mixed[:], uint64(len(s.structure)))
	binary.BigEndian.PutUint64(s.mixed[8:], uint64(len(s.radix)))
	k.tweak.Encrypt(s.mixed[:], s.mixed[:])
	for rest := s.structure; len(rest) > 0; {
		n := min(len(rest), aes.BlockSize)
		subtle.XORBytes(s.mixed[:], s.mixed[:], rest[:n])
		k.tweak.Encrypt(s.mixed[:], s.mixed[:])
		rest = rest[n:]
	}
}

// feistel does one round: the symbols of one half move by what the other half says.
func (k *keyed) feistel(s *symbols, round int, back bool) {
	middle := len(s.value) / 2
	from, to := [2]int{middle, len(s.value)}, [2]int{0, middle}
	if round%2 == 1 {
		from, to = to, from
	}
	k.absorb(s, round, from)
	for i := to[0]; i < to[1]; i++ {
		at := (i - to[0]) % (aes.BlockSize / 2)
		if at == 0 {
			k.squeeze(s, i-to[0])
		}
		radix := uint32(s.radix[i])
		move := uint32(binary.BigEndian.Uint16(s.stream[2*at:])) * radix >> 16
		if back {
			move = radix - move
		}
		if move += uint32(s.value[i]); move >= radix {
			move -= radix
		}
		s.value[i] = uint16(move)
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
		if s.value[i] < s.radix[i] {
			return
		}
		s.value[i] = 0
	}
}
