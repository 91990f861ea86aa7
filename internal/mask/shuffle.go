package mask

import (
	"encoding/binary"
	"unicode"
	"unicode/utf8"
)

// What a structure is written with.
const (
	structureKept   = 1 // followed by the byte that stays
	structureSymbol = 2 // followed by the alphabet's first character
	structureSpan   = 3 // something masked by itself
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
		at += s.read(value[at:])
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
		out, n, i = s.write(out, value[at:], i)
		at += n
	}
	return out
}

// read takes the first character of rest into the string and returns its length.
func (s *symbols) read(rest []byte) int {
	r, n := utf8.DecodeRune(rest)
	if a, at, _, found := place(r); found && !(r == utf8.RuneError && n == 1) {
		s.structure = binary.BigEndian.AppendUint32(append(s.structure, structureSymbol), uint32(a.first))
		s.add(at, a.size)
		return n
	}
	for _, b := range rest[:n] {
		s.structure = append(s.structure, structureKept, b)
	}
	return n
}

// write appends what stands for the first character of rest, if it is a symbol the i-th.
// It returns the character's length and the number of the next symbol.
func (s *symbols) write(out, rest []byte, i int) ([]byte, int, int) {
	r, n := utf8.DecodeRune(rest)
	a, _, upper, found := place(r)
	if !found || r == utf8.RuneError && n == 1 {
		return append(out, rest[:n]...), n, i
	}
	masked := a.at(int(s.value[i]))
	if upper {
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
