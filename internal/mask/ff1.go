package mask

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"math/bits"

	"understudy"
)

// FF1's figures, of NIST SP 800-38G Rev. 1, section 5.1.
const (
	ff1Rounds    = 10
	ff1LeastSize = 1_000_000 // strings that a domain must have (Rev. 1)
	ff1MaxRadix  = 1 << 16
)

// ff1 is format-preserving encryption by the method FF1 of NIST SP 800-38G Rev. 1: a
// permutation of all strings of one length over one alphabet, chosen by a key and a tweak.
//
// It takes strings whose halves are numbers below 2^64: up to 38 digits, 26 letters or 24
// letters and digits. With them the whole cipher is arithmetic on machine words; what is
// longer goes through the network of longstring.go.
type ff1 struct {
	block cipher.Block
	radix int
}

// newFF1 makes the cipher of a key of 16, 24 or 32 bytes (AES-128, 192, 256) and a radix
// from 2 to 65,536.
func newFF1(key []byte, radix int) (*ff1, error) {
	if radix < 2 || radix > ff1MaxRadix {
		return nil, understudy.Errorf(understudy.KindInvalid, "making an FF1 cipher: expected a radix from 2 to %d, found %d", ff1MaxRadix, radix)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, understudy.Errorf(understudy.KindInvalid, "making an FF1 cipher: %w", err)
	}
	return &ff1{block, radix}, nil
}

// encrypt replaces a string of numerals, each below the radix, by its image under the
// tweak. A domain that is too small or too large is an error of KindInvalid.
func (f *ff1) encrypt(numerals []uint16, tweak []byte) error {
	return f.apply(numerals, tweak, (*network).forward)
}

// decrypt undoes encrypt.
func (f *ff1) decrypt(numerals []uint16, tweak []byte) error {
	return f.apply(numerals, tweak, (*network).back)
}

func (f *ff1) apply(numerals []uint16, tweak []byte, way func(*network, *halves)) error {
	radix := make([]uint32, len(numerals))
	for i := range radix {
		radix[i] = uint32(f.radix)
	}
	h, fits := halve(numerals, radix)
	switch {
	case !fits:
		return understudy.Errorf(understudy.KindInvalid, "encrypting by FF1: %d symbols of radix %d are too many for numbers of 64 bits", len(numerals), f.radix)
	case !h.isLarge():
		return understudy.Errorf(understudy.KindInvalid, "encrypting by FF1: the strings of %d symbols of radix %d are fewer than %d", len(numerals), f.radix, ff1LeastSize)
	}
	n := network{block: f.block}
	n.begin(f.radix, len(numerals), tweak, h)
	way(&n, &h)
	h.spell(numerals, radix)
	return nil
}

// halves is a string as two numbers: the first half of its symbols and the second.
type halves struct {
	first, second           uint64
	firstBelow, secondBelow uint64 // how many values each may have
}

// halve reads a string of symbols, each below its own radix. It says whether both halves
// fit a number of 64 bits; if not, they are nothing.
func halve(value []uint16, radix []uint32) (h halves, fits bool) {
	middle := len(value) / 2
	if h.first, h.firstBelow, fits = number(value[:middle], radix[:middle]); !fits {
		return halves{}, false
	}
	h.second, h.secondBelow, fits = number(value[middle:], radix[middle:])
	return h, fits
}

// number reads symbols as one number, the first the most significant.
func number(value []uint16, radix []uint32) (n, below uint64, fits bool) {
	below = 1
	for i, r := range radix {
		over, product := bits.Mul64(below, uint64(r))
		if over != 0 {
			return 0, 0, false
		}
		n, below = n*uint64(r)+uint64(value[i]), product
	}
	return n, below, true
}

// spell writes the halves as symbols again.
func (h *halves) spell(value []uint16, radix []uint32) {
	middle := len(value) / 2
	spell(h.second, value[middle:], radix[middle:])
	spell(h.first, value[:middle], radix[:middle])
}

func spell(n uint64, value []uint16, radix []uint32) {
	for i := len(value) - 1; i >= 0; i-- {
		r := uint64(radix[i])
		value[i] = uint16(n % r)
		n /= r
	}
}

// isLarge tells whether there are as many strings as FF1 asks for.
func (h *halves) isLarge() bool {
	over, size := bits.Mul64(h.firstBelow, h.secondBelow)
	return over != 0 || size >= ff1LeastSize
}

// increment goes to the next string, and from the last to the first.
func (h *halves) increment() {
	if h.second++; h.second < h.secondBelow {
		return
	}
	if h.second, h.first = 0, h.first+1; h.first == h.firstBelow {
		h.first = 0
	}
}

// network is FF1's Feistel network over two numbers, ready for one tweak. The round
// function is CBC-MAC by AES; all that is the same for every round is digested once.
type network struct {
	block     cipher.Block
	high, low uint64 // digest of all but the last block, and what the last one begins with
	width     uint   // bytes of a half as the round function reads it: b of the standard
	rounds    uint64 // an even number
	scratch   [aes.BlockSize]byte
}

// begin digests radix, length and tweak, as steps 5 and 6i of the standard say.
func (n *network) begin(radix, length int, tweak []byte, h halves) {
	n.measure(h)
	n.rounds = ff1Rounds
	x := n.scratch[:]
	x[0], x[1], x[2] = 1, 2, 1
	x[3], x[4], x[5] = byte(radix>>16), byte(radix>>8), byte(radix)
	x[6], x[7] = ff1Rounds, byte(length/2)
	binary.BigEndian.PutUint32(x[8:], uint32(length))
	binary.BigEndian.PutUint32(x[12:], uint32(len(tweak)))
	n.block.Encrypt(x, x)
	for len(tweak) >= aes.BlockSize {
		n.absorb(tweak[:aes.BlockSize])
		tweak = tweak[aes.BlockSize:]
	}
	if len(tweak)+1+int(n.width) > aes.BlockSize { // the tweak's end does not fit the last block
		n.absorb(tweak)
		tweak = nil
	}
	for i, b := range tweak {
		x[i] ^= b
	}
	n.high, n.low = binary.BigEndian.Uint64(x), binary.BigEndian.Uint64(x[8:])
}

// absorb digests one block, filled up by zeros.
func (n *network) absorb(part []byte) {
	for i, b := range part {
		n.scratch[i] ^= b
	}
	n.block.Encrypt(n.scratch[:], n.scratch[:])
}

// measure finds how many bytes the round function reads.
func (n *network) measure(h halves) {
	n.width = uint(bits.Len64(max(h.firstBelow, h.secondBelow)-1)+7) / 8
}

func (n *network) forward(h *halves) {
	for i := uint64(0); i < n.rounds; i += 2 {
		h.first = plus(h.first, n.round(i, h.second, h.firstBelow), h.firstBelow)
		h.second = plus(h.second, n.round(i+1, h.first, h.secondBelow), h.secondBelow)
	}
}

func (n *network) back(h *halves) {
	for i := n.rounds; i > 0; i -= 2 {
		h.second = plus(h.second, h.secondBelow-n.round(i-1, h.first, h.secondBelow), h.secondBelow)
		h.first = plus(h.first, h.firstBelow-n.round(i-2, h.second, h.firstBelow), h.firstBelow)
	}
}

// plus adds modulo below; b may be below itself.
func plus(a, b, below uint64) uint64 {
	if a >= below-b {
		return a - (below - b)
	}
	return a + b
}

// round is what a half moves by: the number that the round function makes of the other
// half, modulo below. It takes 4⌈b/4⌉+4 bytes of one block, at most twelve.
func (n *network) round(i, half, below uint64) uint64 {
	high, low := n.high, n.low^half
	if shift := 8 * n.width; shift < 64 {
		low ^= i << shift
	} else {
		high ^= i
	}
	x := n.scratch[:]
	binary.BigEndian.PutUint64(x, high)
	binary.BigEndian.PutUint64(x[8:], low)
	n.block.Encrypt(x, x)
	if n.width <= 4 {
		return binary.BigEndian.Uint64(x) % below
	}
	high = uint64(binary.BigEndian.Uint32(x))
	if high >= below { // else it saves a division
		high %= below
	}
	_, rest := bits.Div64(high, binary.BigEndian.Uint64(x[4:]), below)
	return rest
}
