package mask

import (
	"encoding/binary"
	"encoding/json"
	"errors"
)

// errNoJSON says that a value is no JSON, or none that is read here.
var errNoJSON = errors.New("no JSON")

// jsonDepth is how deep a document may be nested before it counts as none.
const jsonDepth = 1000

// jsonVisitor is told what a document holds, in its order.
type jsonVisitor interface {
	// key is told that a member begins; what follows until leave is its value.
	key(raw []byte, start, end int) error
	leave()
	// leaf is told of a text (raw without its quotes) or a number, from start to end.
	leaf(raw []byte, start, end int, isText bool) error
}

// jsonScan goes through one JSON value once, without building it: RFC 8259 to the letter,
// but that bytes which are no UTF-8 pass, as they do through a column of text.
type jsonScan struct {
	raw   []byte
	at    int
	depth int
}

// scanJSON tells the visitor what a document holds. A document that is none is errNoJSON,
// after what came before was told.
func scanJSON(raw []byte, visitor jsonVisitor) error {
	s := jsonScan{raw: raw}
	if err := s.value(visitor); err != nil {
		return err
	}
	if s.blank(); s.at < len(raw) {
		return errNoJSON
	}
	return nil
}

func (s *jsonScan) blank() {
	for s.at < len(s.raw) {
		switch s.raw[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return
		}
	}
}

// peek is the next byte that is not blank, 0 at the end.
func (s *jsonScan) peek() byte {
	if s.blank(); s.at < len(s.raw) {
		return s.raw[s.at]
	}
	return 0
}

func (s *jsonScan) value(visitor jsonVisitor) error {
	switch b := s.peek(); {
	case b == '{':
		return s.nested(visitor, '}')
	case b == '[':
		return s.nested(visitor, ']')
	case b == '"':
		start := s.at
		raw, err := s.text()
		if err != nil {
			return err
		}
		return visitor.leaf(raw, start, s.at, true)
	case b == '-' || b >= '0' && b <= '9':
		start := s.at
		for s.at < len(s.raw) && inNumber(s.raw[s.at]) {
			s.at++
		}
		if raw := s.raw[start:s.at]; isJSONNumber(raw) {
			return visitor.leaf(raw, start, s.at, false)
		}
		return errNoJSON
	default:
		return s.word()
	}
}

// nested goes through the members or elements between brackets.
func (s *jsonScan) nested(visitor jsonVisitor, closing byte) error {
	if s.depth++; s.depth > jsonDepth {
		return errNoJSON
	}
	s.at++
	if s.peek() == closing {
		s.at, s.depth = s.at+1, s.depth-1
		return nil
	}
	for {
		if err := s.part(visitor, closing); err != nil {
			return err
		}
		switch s.peek() {
		case ',':
			s.at++
		case closing:
			s.at, s.depth = s.at+1, s.depth-1
			return nil
		default:
			return errNoJSON
		}
	}
}

// part goes through one member of an object, or one element of an array.
func (s *jsonScan) part(visitor jsonVisitor, closing byte) error {
	if closing == '}' {
		return s.member(visitor)
	}
	return s.value(visitor)
}

func (s *jsonScan) member(visitor jsonVisitor) error {
	if s.peek() != '"' {
		return errNoJSON
	}
	start := s.at
	raw, err := s.text()
	if err != nil {
		return err
	}
	end := s.at
	if s.peek() != ':' {
		return errNoJSON
	}
	s.at++
	if err := visitor.key(raw, start, end); err != nil {
		return err
	}
	err = s.value(visitor)
	visitor.leave()
	return err
}

// text takes a text and returns what is between its quotes, escapes as they are.
func (s *jsonScan) text() ([]byte, error) {
	start := s.at + 1
	for at := start + plainLength(s.raw[start:]); at < len(s.raw); at++ {
		switch b := s.raw[at]; {
		case b == '"':
			s.at = at + 1
			return s.raw[start:at], nil
		case b < ' ':
			return nil, errNoJSON
		case b == '\\':
			at++
		}
	}
	return nil, errNoJSON
}

// plainLength is how much of a text is plain for sure, looked at eight bytes at once: none
// of them is a quote, a backslash or a control character.
func plainLength(raw []byte) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	at := 0
	for ; len(raw)-at >= 8; at += 8 {
		word := binary.LittleEndian.Uint64(raw[at:])
		quote, backslash := word^ones*'"', word^ones*'\\'
		if ((quote-ones)&^quote|(backslash-ones)&^backslash|(word-ones*' ')&^word)&tops != 0 {
			break
		}
	}
	return at
}

func (s *jsonScan) word() error {
	for _, word := range [...]string{"true", "false", "null"} {
		if end := s.at + len(word); end <= len(s.raw) && string(s.raw[s.at:end]) == word {
			s.at = end
			return nil
		}
	}
	return errNoJSON
}

func inNumber(b byte) bool {
	return b >= '0' && b <= '9' || b == '-' || b == '+' || b == '.' || b == 'e' || b == 'E'
}

// isJSONNumber is quick about plain numbers.
func isJSONNumber(raw []byte) bool {
	for i, b := range raw {
		if b < '0' || b > '9' || i == 0 && b == '0' && len(raw) > 1 {
			return json.Valid(raw)
		}
	}
	return len(raw) > 0
}
