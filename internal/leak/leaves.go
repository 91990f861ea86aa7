package leak

import (
	"strings"
	"unicode/utf8"
)

// Form is how a value is written.
type Form byte

// The forms.
const (
	Text   Form = iota
	JSON        // its texts, keys and numbers are leaves
	Array       // PostgreSQL's arrays, hstore and rows: quoted or bare elements are leaves
	Binary      // bytes, searched at every position
	Number      // a whole value that is a number: short ones are like others everywhere, and not told
)

// FormOf is the form in which a column of a type is written: PostgreSQL's, MySQL's and
// SQLite's types. Binary values have to be shown as the bytes they are.
func FormOf(columnType string) Form {
	of := strings.ToLower(columnType)
	switch {
	case strings.HasSuffix(of, "[]"), strings.HasSuffix(of, "hstore"):
		return Array
	case strings.HasPrefix(of, "json"):
		return JSON
	case strings.HasPrefix(of, "bytea"), strings.Contains(of, "blob"), strings.Contains(of, "binary"):
		return Binary
	case strings.HasPrefix(of, "bigint"), strings.HasPrefix(of, "numeric"), strings.HasPrefix(of, "decimal"), strings.HasPrefix(of, "int"):
		return Number
	}
	return Text
}

// whole tells whether a value of the form is one leaf.
func (f Form) whole() bool { return f == Text || f == Binary || f == Number }

// leaves walks through a value. The leaf it gives is good until the next one.
type leaves struct {
	form    Form
	rest    []byte
	scratch []byte
	done    bool
}

func (l *leaves) start(form Form, value []byte) {
	l.form, l.rest, l.done = form, value, false
}

// next is the next leaf; false: there is none.
func (l *leaves) next() ([]byte, bool) {
	if l.form.whole() {
		if l.done {
			return nil, false
		}
		l.done = true
		return l.rest, true
	}
	for len(l.rest) > 0 {
		c := l.rest[0]
		switch {
		case c == '"':
			return l.quoted(), true
		case l.structural(c):
			l.rest = l.rest[1:]
		default:
			return l.bare(), true
		}
	}
	return nil, false
}

func (l *leaves) structural(c byte) bool {
	switch c {
	case '{', '}', ',', ' ', '\t', '\n', '\r', '[', ']':
		return true
	case ':':
		return l.form == JSON
	case '(', ')', '=', '>':
		return l.form == Array
	}
	return false
}

// bare takes everything up to the next structural byte.
func (l *leaves) bare() []byte {
	end := 1
	for end < len(l.rest) && l.rest[end] != '"' && (!l.structural(l.rest[end]) || l.form == Array && l.rest[end] == ' ') {
		end++
	}
	leaf := l.rest[:end]
	l.rest = l.rest[end:]
	return leaf
}

// quoted takes a text in double quotes, what is escaped in it as what it stands for.
func (l *leaves) quoted() []byte {
	plain := true
	for i := 1; i < len(l.rest); i++ {
		switch l.rest[i] {
		case '\\':
			plain = false
			i++
		case '"':
			leaf := l.rest[1:i]
			l.rest = l.rest[i+1:]
			if !plain {
				leaf = l.unescaped(leaf)
			}
			return leaf
		}
	}
	leaf := l.rest[1:] // has no end: it is searched as it is
	l.rest = nil
	return leaf
}

func (l *leaves) unescaped(raw []byte) []byte {
	l.scratch = l.scratch[:0]
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' || i+1 == len(raw) {
			l.scratch = append(l.scratch, raw[i])
			continue
		}
		i++
		switch {
		case l.form == JSON && isEscape(raw[i]):
			l.scratch = append(l.scratch, ' ')
		case l.form == JSON && raw[i] == 'u' && i+4 < len(raw):
			l.scratch = utf8.AppendRune(l.scratch, hexRune(raw[i+1:i+5]))
			i += 4
		default:
			l.scratch = append(l.scratch, raw[i])
		}
	}
	return l.scratch
}

// hexRune reads four hexadecimal digits. Half of a pair that means one sign becomes the sign for
// what cannot be read, and separates words.
func hexRune(digits []byte) rune {
	var r rune
	for _, c := range digits {
		r <<= 4
		switch {
		case c-'0' < 10:
			r |= rune(c - '0')
		case c|0x20-'a' < 6:
			r |= rune(c|0x20-'a') + 10
		}
	}
	return r
}
