package mask

import (
	"encoding/binary"
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
func (k *keyed) shuffle(purpose string, value []byte) []byte {
	return k.shuffleAround(purpose, value, nil)
}

// span is a part of a value, from start up to end, with what stands for it.
type span struct {
	start, end int
	masked     []byte
}

// shuffleAround is shuffle for all but the spans, which are given and in order.
func (k *keyed) shuffleAround(purpose string, value []byte, spans []span) []byte {
	s := k.take(purpose)
	defer k.give(s)
	next := spans
	for at := 0; at < len(value); {
		if len(next) > 0 && at == next[0].start {
			s.structure = append(s.structure, structureSpan)
			at, next = next[0].end, next[1:]
			continue
		}
		at += k.read(s, value[at:])
	}
	k.permute(s)
	out := make([]byte, 0, len(value)+8)
	i, next := 0, spans
	for at := 0; at < len(value); {
		if len(next) > 0 && at == next[0].start {
			out = append(out, next[0].masked...)
			at, next = next[0].end, next[1:]
			continue
		}
		var n int
		out, n, i = k.write(out, value[at:], s, i)
		at += n
	}
	return out
}

// read takes the first character of rest into the string and returns its length.
func (k *keyed) read(s *symbols, rest []byte) int {
	r, n := utf8.DecodeRune(rest)
	p := k.places.of(r)
	switch {
	case p.found && p.alphabet.first == 'a':
		s.structure = append(s.structure, structureLetter)
	case p.found && p.alphabet.first == '0':
		s.structure = append(s.structure, structureDigit)
	case p.found:
		s.structure = binary.BigEndian.AppendUint32(append(s.structure, structureSymbol), uint32(p.alphabet.first))
	case n == 1 && r >= ' ' && r < 0x7f:
		s.structure = append(s.structure, byte(r))
	default:
		for _, b := range rest[:n] {
			s.structure = append(s.structure, structureKept, b)
		}
	}
	if p.found {
		s.add(p.at, p.alphabet.size)
	}
	return n
}

// write appends what stands for the first character of rest, if it is a symbol the i-th.
// It returns the character's length and the number of the next symbol. A byte that is no
// UTF-8 is read as the character for that, which has no alphabet.
func (k *keyed) write(out, rest []byte, s *symbols, i int) ([]byte, int, int) {
	r, n := utf8.DecodeRune(rest)
	p := k.places.of(r)
	if !p.found {
		return append(out, rest[:n]...), n, i
	}
	masked := p.alphabet.at(int(s.value[i]))
	if p.upper {
		masked = unicode.ToUpper(masked)
	}
	return utf8.AppendRune(out, masked), n, i + 1
}

// words masks each run of letters and digits by itself, so that a word has the same mask
// in every sentence: "Anna" in a first name and in "Anna Moser".
func (k *keyed) words(value []byte) []byte {
	out := make([]byte, 0, len(value))
	for at := 0; at < len(value); {
		length := wordLength(value[at:])
		if length == 0 {
			_, n := utf8.DecodeRune(value[at:])
			out, at = append(out, value[at:at+n]...), at+n
			continue
		}
		out = append(out, k.shuffle("word", value[at:at+length])...)
		at += length
	}
	return out
}

func wordLength(value []byte) int {
	length := 0
	for length < len(value) {
		r, n := utf8.DecodeRune(value[length:])
		if !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsMark(r) {
			break
		}
		length += n
	}
	return length
}
