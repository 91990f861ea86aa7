package leak

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// longest is how many bytes of a skeleton are compared.
const longest = 64

// skeleton is a text's letters and digits, case folded, with the edges of its words.
// The edge of a word is also where letters meet digits, unless that is so often that the word
// is more likely a number in hexadecimal digits than one glued to another; where text encodings that are
// common inside texts end (\n, %40), and on both sides of every sign of scripts that
// write without spaces.
type skeleton struct {
	bytes []byte
	edges []bool // for each byte: a word begins here
	turns []int  // where letters meet digits in the word that is being read
}

type class byte

const (
	separator class = iota
	letter
	digit
	sign // of a script without spaces
)

// fold takes a text in place of the one before. Bytes that are no UTF-8 separate words.
func (s *skeleton) fold(text []byte) {
	s.bytes, s.edges, s.turns = s.bytes[:0], s.edges[:0], s.turns[:0]
	last := separator
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c-'0' < 10:
			s.turn(last, letter)
			s.add(c, last != digit)
			last = digit
		case c|0x20-'a' < 26:
			s.turn(last, digit)
			s.add(c|0x20, last != letter)
			last = letter
		case c == '%':
			i += escapeLength(text[i+1:])
			last = separator
		case c == '\\' && i+1 < len(text) && isEscape(text[i+1]):
			s.add(text[i+1], true)
			i++
			last = separator
		case c < utf8.RuneSelf:
			last = separator
		default:
			r, size := utf8.DecodeRune(text[i:])
			last = s.addRune(r, size, last)
			i += size
			continue
		}
		i++
	}
	s.turn(separator, digit)
}

// turn notes that letters meet digits here, or that a word has ended: then the places at
// which they met in it are no edges if they are many.
func (s *skeleton) turn(last, other class) {
	const many = 3
	switch last {
	case other:
		s.turns = append(s.turns, len(s.bytes))
	case separator:
		if len(s.turns) >= many {
			for _, at := range s.turns {
				s.edges[at] = false
			}
		}
		s.turns = s.turns[:0]
	}
}

func (s *skeleton) add(c byte, edge bool) {
	s.bytes = append(s.bytes, c)
	s.edges = append(s.edges, edge)
}

func (s *skeleton) addRune(r rune, size int, last class) class {
	now := letter
	switch {
	case r == utf8.RuneError && size == 1, !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r):
		return separator
	case unicode.IsMark(r) && last == separator:
		return separator
	case size > 2:
		now = sign
	}
	from := len(s.bytes)
	s.bytes = utf8.AppendRune(s.bytes, unicode.ToLower(r))
	s.edges = append(s.edges, now == sign || now != last)
	for range len(s.bytes) - from - 1 {
		s.edges = append(s.edges, false)
	}
	return now
}

// isEscape tells whether a letter behind a backslash stands for white space.
func isEscape(c byte) bool { return c == 'n' || c == 'r' || c == 't' }

// escapeLength is 2 if two hexadecimal digits follow a percent sign.
func escapeLength(rest []byte) int {
	if len(rest) >= 2 && isHex(rest[0]) && isHex(rest[1]) {
		return 2
	}
	return 0
}

func isHex(c byte) bool { return c-'0' < 10 || c|0x20-'a' < 6 }

// ends tells whether a word may end before position i.
func (s *skeleton) ends(i int) bool { return i == len(s.bytes) || s.edges[i] }

// head is what is compared of the whole.
func (s *skeleton) head() []byte { return s.bytes[:min(len(s.bytes), longest)] }

// outlives tells whether a run of words of the original that could mean something is still
// in the result of its mask.
func outlives(original, result *skeleton) bool {
	const run = 9
	for i := 0; i+run <= len(result.bytes); i++ {
		if result.edges[i] && bytes.Contains(original.bytes, result.bytes[i:i+run]) {
			return true
		}
	}
	return false
}

// weak tells whether a skeleton says little of anybody: see the rule of the package.
func weak(skeleton []byte) bool {
	const enough = 265 // tenths of a bit
	sum, last, run := 0, byte(0), 0
	for _, c := range skeleton {
		if c != last {
			run = 0
		}
		sum += worth(c, run)
		if sum >= enough {
			return false
		}
		last = c
		run++
	}
	return true
}

// worth is what a byte says, in tenths of a bit, behind a run of bytes equal to it.
func worth(c byte, run int) int {
	switch {
	case run > 1:
		return 2
	case run == 1:
		return 15
	case c-'0' < 10:
		return 33
	case c < utf8.RuneSelf, c >= 0xC0 && c < 0xE0:
		return 29
	case c >= 0xE0:
		return 80
	}
	return 0
}

// oneWord tells whether a skeleton is a single word without digits.
func (s *skeleton) oneWord() bool {
	if bytes.ContainsAny(s.bytes, "0123456789") {
		return false
	}
	for _, edge := range s.edges[min(1, len(s.edges)):] {
		if edge {
			return false
		}
	}
	return true
}
