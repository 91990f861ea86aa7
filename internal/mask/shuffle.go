package mask

import (
	"encoding/binary"
	"slices"
	"unicode"
	"unicode/utf8"
)

// What a structure is written with, so that it can be read in one way only. Printable ASCII
// that stays is written as it is.
const (
	structureKept   = 1 // followed by the byte that stays
	structureSymbol = 2 // followed by the alphabet's first character
	structureSpan   = 3 // something masked by itself
	structureLetter = 4 // of ASCII
	structureDigit  = 5 // of ASCII
)

// shuffle masks every letter and digit of a value as one string: the whole depends on
// each of them. Values of different purposes are masked independently.
func (k *keyed) shuffle(dst []byte, purpose string, value []byte) []byte {
	return k.shuffleAround(dst, purpose, value, nil)
}

// shuffled makes a mask of shuffle.
func shuffled(purpose string) func(k *keyed, dst, value []byte) []byte {
	return func(k *keyed, dst, value []byte) []byte { return k.shuffle(dst, purpose, value) }
}

// span is a part of a value, from start up to end, with what stands for it.
type span struct {
	start, end int
	masked     []byte
}

// shuffleAround is shuffle for all but the spans, which are given and in order.
func (k *keyed) shuffleAround(dst []byte, purpose string, value []byte, spans []span) []byte {
	s := k.take(purpose)
	defer k.give(s)
	s.grow(len(value))
	next := spans
	for at := 0; at < len(value); {
		if len(next) > 0 && at == next[0].start {
			s.structure = append(s.structure, structureSpan)
			at, next = next[0].end, next[1:]
			continue
		}
		at += k.read(s, value[at:spanless(next, value)])
	}
	k.permute(s)
	dst = slices.Grow(dst, len(value))
	i, next := 0, spans
	for at := 0; at < len(value); {
		if len(next) > 0 && at == next[0].start {
			dst = append(dst, next[0].masked...)
			at, next = next[0].end, next[1:]
			continue
		}
		var n int
		dst, n, i = k.write(dst, value[at:spanless(next, value)], s, i)
		at += n
	}
	return dst
}

// spanless is where the next span begins, or the value ends.
func spanless(next []span, value []byte) int {
	if len(next) > 0 {
		return next[0].start
	}
	return len(value)
}

// grow makes room for a value of so many bytes.
func (s *symbols) grow(bytes int) {
	s.value, s.radix = slices.Grow(s.value, bytes), slices.Grow(s.radix, bytes)
	s.structure = slices.Grow(s.structure, 2*bytes)
}

// read takes the printable ASCII that rest begins with into the string, or else one other
// character, and returns its length.
func (k *keyed) read(s *symbols, rest []byte) int {
	value, radix, structure := s.value, s.radix, s.structure
	at := 0
plain:
	for ; at < len(rest); at++ {
		switch b := rest[at]; {
		case b|0x20 >= 'a' && b|0x20 <= 'z':
			structure, value, radix = append(structure, structureLetter), append(value, uint16(b|0x20-'a')), append(radix, 26)
		case b >= '0' && b <= '9':
			structure, value, radix = append(structure, structureDigit), append(value, uint16(b-'0')), append(radix, 10)
		case b >= ' ' && b < 0x7f:
			structure = append(structure, b)
		default:
			break plain
		}
	}
	s.value, s.radix, s.structure = value, radix, structure
	if at > 0 {
		return at
	}
	return k.readOther(s, rest)
}

// readOther takes a character that is no printable ASCII. A byte that is no UTF-8 is read
// as the character for that, which has no alphabet.
func (k *keyed) readOther(s *symbols, rest []byte) int {
	r, n := utf8.DecodeRune(rest)
	p := k.places.of(r)
	if !p.found {
		for _, b := range rest[:n] {
			s.structure = append(s.structure, structureKept, b)
		}
		return n
	}
	s.structure = binary.BigEndian.AppendUint32(append(s.structure, structureSymbol), uint32(p.alphabet.first))
	s.add(p.at, p.alphabet.size)
	return n
}

// write appends what stands for the ASCII that rest begins with, or else for one other
// character; their first symbol is the i-th. It returns the length and the number of the
// next symbol.
func (k *keyed) write(dst, rest []byte, s *symbols, i int) ([]byte, int, int) {
	value, at := s.value, 0
plain:
	for ; at < len(rest); at++ {
		switch b := rest[at]; {
		case b|0x20 >= 'a' && b|0x20 <= 'z':
			dst, i = append(dst, b&^0x1f|byte(value[i]+1)), i+1 // 'a' is 0x61, 'A' 0x41: the case is one bit
		case b >= '0' && b <= '9':
			dst, i = append(dst, '0'+byte(value[i])), i+1
		case b < utf8.RuneSelf:
			dst = append(dst, b)
		default:
			break plain
		}
	}
	if at > 0 {
		return dst, at, i
	}
	r, n := utf8.DecodeRune(rest)
	p := k.places.of(r)
	if !p.found {
		return append(dst, rest[:n]...), n, i
	}
	masked := p.alphabet.at(int(value[i]))
	if p.upper {
		masked = unicode.ToUpper(masked)
	}
	return utf8.AppendRune(dst, masked), n, i + 1
}

// words masks each run of letters and digits by itself, so that a word has the same mask
// in every sentence: "Anna" in a first name and in "Anna Moser".
func (k *keyed) words(dst, value []byte) []byte {
	for at := 0; at < len(value); {
		length := wordLength(value[at:])
		if length == 0 {
			_, n := utf8.DecodeRune(value[at:])
			dst, at = append(dst, value[at:at+n]...), at+n
			continue
		}
		dst = k.remembered(dst, partWord, value[at:at+length], (*keyed).word)
		at += length
	}
	return dst
}

func (k *keyed) word(dst, value []byte) []byte { return k.shuffle(dst, "word", value) }

func wordLength(value []byte) int {
	length := 0
	for length < len(value) {
		b := value[length]
		if b|0x20 >= 'a' && b|0x20 <= 'z' || b >= '0' && b <= '9' {
			length++
			continue
		}
		if b < 0x80 {
			break
		}
		r, n := utf8.DecodeRune(value[length:])
		if !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsMark(r) {
			break
		}
		length += n
	}
	return length
}
