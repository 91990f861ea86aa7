package mask

import (
	"slices"
	"sync/atomic"
	"unicode"
	"unicode/utf8"
)

// alphabet is a closed set of characters that stand for each other: a letter becomes a
// letter of the same alphabet and takes as many bytes. Its characters are given by place.
type alphabet struct {
	first rune   // names the alphabet
	size  int    // how many characters
	list  []rune // nil: first, first+1, …
}

func (a alphabet) at(i int) rune {
	if a.list != nil {
		return a.list[i]
	}
	return a.first + rune(i)
}

// dense finds the writing of a character whose letters have no case and lie side by side.
func dense(r rune) (first rune, size int, found bool) {
	for _, d := range [...][2]rune{
		{0x4e00, 0x9fff}, // Han
		{0xac00, 0xd7a3}, // Hangul
		{0x3041, 0x3096}, // Hiragana
		{0x30a1, 0x30fa}, // Katakana
		{0x05d0, 0x05ea}, // Hebrew
		{0x0621, 0x063a}, // Arabic
		{0x0641, 0x064a},
	} {
		if r >= d[0] && r <= d[1] {
			return d[0], int(d[1]-d[0]) + 1, true
		}
	}
	return 0, 0, false
}

// places remembers, block by block of 64 code points, what place has found out. It is safe
// for use by several goroutines at once: what two of them find out is the same.
type places struct {
	blocks [(unicode.MaxRune + 1) / 64]atomic.Pointer[[64]placed]
}

// placed is where a character is: see place.
type placed struct {
	alphabet alphabet
	at       int
	upper    bool
	found    bool
}

// of is place, remembered.
func (p *places) of(r rune) *placed {
	block := p.blocks[r/64].Load()
	if block == nil {
		block = new([64]placed)
		for i := range block {
			a, at, upper, found := place(r&^63 + rune(i))
			block[i] = placed{a, at, upper, found}
		}
		p.blocks[r/64].Store(block)
	}
	return &block[r%64]
}

// place finds the alphabet of a character, its place there, and whether it is written in
// upper case (the alphabets hold lower case). What has no alphabet stays as it is: marks,
// spaces, punctuation, symbols, bytes that are no UTF-8.
func place(r rune) (a alphabet, at int, upper, found bool) {
	switch {
	case r >= 'a' && r <= 'z':
		return alphabet{first: 'a', size: 26}, int(r - 'a'), false, true
	case r >= 'A' && r <= 'Z':
		return alphabet{first: 'a', size: 26}, int(r - 'A'), true, true
	case r >= '0' && r <= '9':
		return alphabet{first: '0', size: 10}, int(r - '0'), false, true
	case r < 0x80 || !(unicode.IsLetter(r) || unicode.IsNumber(r)):
		return alphabet{}, 0, false, false
	}
	if first, size, found := dense(r); found {
		return alphabet{first: first, size: size}, int(r - first), false, true
	}
	return placeInBlock(r)
}

// placeInBlock serves all other writings: characters of the same sort within 64 code
// points stand for each other. A character with two cases is of another sort than one
// without.
func placeInBlock(r rune) (a alphabet, at int, upper, found bool) {
	lower := r
	if l := unicode.ToLower(r); l != r && cased(l) && unicode.ToUpper(l) == r {
		lower, upper = l, true
	}
	start := lower &^ 63
	for c := start; c < start+64; c++ {
		if sort(c) == sort(lower) {
			a.list = append(a.list, c)
		}
	}
	a.first, a.size = a.list[0], len(a.list)
	return a, slices.Index(a.list, lower), upper, true
}

// cased tells whether a lower-case letter has an upper-case one that leads back to it and
// takes as many bytes.
func cased(lower rune) bool {
	u := unicode.ToUpper(lower)
	return u != lower && unicode.ToLower(u) == lower && utf8.RuneLen(u) == utf8.RuneLen(lower)
}

// sort is 0 for what stays, or one of the sorts that are kept apart within a block. Upper
// case that has its lower case elsewhere is found through that, so it has no sort here.
func sort(r rune) int {
	_, _, isDense := dense(r)
	switch {
	case isDense, !unicode.IsLetter(r) && !unicode.IsNumber(r):
		return 0
	case cased(r): // Roman numerals are numbers and have two cases
		return 2
	case unicode.ToLower(r) != r && cased(unicode.ToLower(r)) && unicode.ToUpper(unicode.ToLower(r)) == r:
		return 3
	case unicode.IsNumber(r):
		return 1
	default:
		return 4
	}
}
