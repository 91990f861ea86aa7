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

// mixedRounds is how often a large domain of mixed radices is walked through, each way.
const mixedRounds = 6

// minKey is the least number of bytes of key material.
const minKey = 16

// keyed is everything that is derived from the project's key. It is safe for use by
// several goroutines at once.
type keyed struct {
	round  cipher.Block // of the Feistel networks
	tweak  cipher.Block // of the structure's digest
	mac    []byte       // for hash
	weeks  int          // dates move back by this many weeks
	pool   sync.Pool    // of *symbols
	slabs  sync.Pool    // of *slab
	walks  sync.Pool    // of *jsonWalk
	memo   memo
	places places
	hosts  hosts
}

func newKeyed(key []byte) (*keyed, error) {
	if len(key) < minKey {
		return nil, understudy.Errorf(understudy.KindInvalid, "masking needs a key of at least %d bytes, found %d", minKey, len(key))
	}
	k := &keyed{mac: derive(key, "hash"), memo: newMemo()}
	var err error
	if k.round, err = aes.NewCipher(derive(key, "round")[:16]); err != nil {
		return nil, understudy.Errorf(understudy.KindInternal, "making the masking cipher: %w", err)
	}
	if k.tweak, err = aes.NewCipher(derive(key, "tweak")[:16]); err != nil {
		return nil, understudy.Errorf(understudy.KindInternal, "making the masking cipher: %w", err)
	}
	k.weeks = 5 + int(binary.BigEndian.Uint32(derive(key, "date"))%100)
	k.pool.New = func() any { return &symbols{network: network{block: k.round}} }
	k.slabs.New = func() any { return new(slab) }
	k.walks.New = func() any { return &jsonWalk{scratch: make([]byte, 0, 64)} }
	k.hosts = knownHosts(k)
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
	value     []uint16
	radix     []uint32
	structure []byte
	mixed     [aes.BlockSize]byte // digest of the structure
	network   network             // while the halves are machine words
	block     [aes.BlockSize]byte // of a long string's round, and its stream
	stream    [aes.BlockSize]byte
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
	s.value, s.radix = append(s.value, uint16(value)), append(s.radix, uint32(radix))
}

// uniform tells whether all symbols are of one alphabet.
func (s *symbols) uniform() bool {
	for _, r := range s.radix {
		if r != s.radix[0] {
			return false
		}
	}
	return true
}

// permute replaces the string by its image under a keyed permutation Q of all strings of
// its structure:
//
//	Q = P⁻¹ ∘ (+1) ∘ P
//
// P spreads the strings in an order that only the key knows, Q goes to the next one in
// that order. Q is therefore one cycle through the whole domain: a bijection that leaves
// nothing in its place, unless the domain has a single string. P is
//
//   - FF1 (ff1.go), with the structure's digest as its tweak, where all symbols are of one
//     alphabet and at least a million strings are: digits, letters, hexadecimal digits;
//   - FF1's network over mixed radices, where alphabets differ or the domain is smaller: of
//     its ten rounds a domain of a million strings or more takes six, as Q goes through them
//     twice, and twelve rounds lie between a value and its mask;
//   - a network over single symbols (longstring.go), where a half exceeds 64 bits.
func (k *keyed) permute(s *symbols) {
	switch len(s.value) {
	case 0:
		return
	case 1:
		k.permuteOne(s)
		return
	}
	k.seal(s)
	h, fits := halve(s.value, s.radix)
	if !fits {
		k.permuteLong(s)
		return
	}
	n := &s.network
	if h.isLarge() && s.uniform() {
		n.begin(int(s.radix[0]), len(s.value), s.mixed[:], h)
	} else {
		n.beginMixed(s.mixed[:], h)
	}
	n.forward(&h)
	h.increment()
	n.back(&h)
	h.spell(s.value, s.radix)
}

// beginMixed lets the network begin with a secret digest of the structure, radices
// included, instead of FF1's head.
func (n *network) beginMixed(digest []byte, h halves) {
	n.measure(h)
	if n.rounds = ff1Rounds; h.isLarge() {
		n.rounds = mixedRounds
	}
	n.high, n.low = binary.BigEndian.Uint64(digest), binary.BigEndian.Uint64(digest[8:])
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
	high := uint32(math.Ceil(math.Sqrt(float64(radix))))
	low := (radix + high - 1) / high
	s.value, s.radix = append(s.value[:0], value/uint16(low), value%uint16(low)), append(s.radix[:0], high, low)
	k.permuteWithin(s, func(v []uint16) bool { return uint32(v[0])*low+uint32(v[1]) < radix })
	s.value, s.radix = append(s.value[:0], s.value[0]*uint16(low)+s.value[1]), append(s.radix[:0], radix)
}

// seal digests the structure to one block: CBC-MAC over lengths and structure, which makes
// no input the beginning of another.
func (k *keyed) seal(s *symbols) {
	binary.BigEndian.PutUint32(s.mixed[:], uint32(len(s.structure)))
	binary.BigEndian.PutUint32(s.mixed[4:], uint32(len(s.radix)))
	rest := s.structure[copy(s.mixed[8:], s.structure):]
	for i := 8 + len(s.structure); i < aes.BlockSize; i++ {
		s.mixed[i] = 0
	}
	k.tweak.Encrypt(s.mixed[:], s.mixed[:])
	for len(rest) > 0 {
		n := min(len(rest), aes.BlockSize)
		subtle.XORBytes(s.mixed[:], s.mixed[:], rest[:n])
		k.tweak.Encrypt(s.mixed[:], s.mixed[:])
		rest = rest[n:]
	}
}
