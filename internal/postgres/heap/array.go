package heap

import (
	"bytes"
	"encoding/binary"
	"strings"
)

// An array of texts is stored as a header (dimensions, where its elements start, their
// type), a map of nulls if it has any, and the elements one by one (utils/array.h). Places
// count from the four bytes of the length that stand before, whether they do or not.
const (
	arrayPrefix  = 4
	arrayHeader  = 16
	arrayOneDeep = arrayHeader + 8 // with the length and the lower bound of one dimension
)

// element is one text of an array: what it is, and where it stands.
type element struct {
	null bool
	text []byte
}

// readArray finds the elements of an array of one dimension that counts from 1.
func readArray(stored []byte) (list []element, ok bool) {
	word := func(at int) int { return int(int32(binary.LittleEndian.Uint32(stored[at-arrayPrefix:]))) }
	if len(stored) < arrayHeader-arrayPrefix {
		return nil, false
	}
	switch dimensions := word(4); {
	case dimensions == 0:
		return nil, true
	case dimensions != 1, len(stored) < arrayOneDeep-arrayPrefix, word(20) != 1:
		return nil, false
	}
	count, at := word(16), word(8)
	nulls := at != 0
	if !nulls {
		at = arrayOneDeep
	}
	if count < 0 || count > len(stored)*8 || at < arrayOneDeep || at-arrayPrefix > len(stored) || nulls && (at-arrayOneDeep)*8 < count {
		return nil, false
	}
	for i := range count {
		if nulls && stored[arrayOneDeep-arrayPrefix+i>>3]>>(i&7)&1 == 0 {
			list = append(list, element{null: true})
			continue
		}
		at = (at + 3) &^ 3
		f, end := readVarlena(stored, at-arrayPrefix)
		if end < 0 || !f.plain {
			return nil, false
		}
		list = append(list, element{text: f.content})
		at = end + arrayPrefix
	}
	return list, true
}

// arrayText writes an array as the server does: {a,"b c",NULL}.
func arrayText(to, stored []byte) ([]byte, bool) {
	list, ok := readArray(stored)
	to = append(to, '{')
	for i, e := range list {
		if i > 0 {
			to = append(to, ',')
		}
		switch {
		case e.null:
			to = append(to, "NULL"...)
		case !needsQuotes(e.text):
			to = append(to, e.text...)
		default:
			to = append(to, '"')
			for _, b := range e.text {
				if b == '"' || b == '\\' {
					to = append(to, '\\')
				}
				to = append(to, b)
			}
			to = append(to, '"')
		}
	}
	return append(to, '}'), ok
}

func needsQuotes(text []byte) bool {
	return len(text) == 0 || bytes.ContainsAny(text, "\"\\{}, \t\n\r\v\f") || strings.EqualFold(string(text), "null")
}

// arrayStored writes the elements of a text over those of an array that has as many, of
// the same lengths.
func arrayStored(to, text, old []byte) ([]byte, bool) {
	list, ok := parseArray(text)
	if !ok {
		return to, false
	}
	from := len(to)
	to = append(to, old...)
	there, ok := readArray(to[from:])
	if !ok || len(there) != len(list) {
		return to, false
	}
	for i, e := range there {
		if e.null != list[i].null || len(e.text) != len(list[i].text) {
			return to, false
		}
		copy(e.text, list[i].text)
	}
	return to, true
}

// parseArray reads {a,"b c",NULL}.
func parseArray(text []byte) (list []element, ok bool) {
	if len(text) < 2 || text[0] != '{' || text[len(text)-1] != '}' {
		return nil, false
	}
	text = text[1 : len(text)-1]
	for len(text) > 0 {
		var e element
		if e, text, ok = parseElement(text); !ok {
			return nil, false
		}
		list = append(list, e)
		if len(text) == 0 {
			return list, true
		}
		if text[0] != ',' || len(text) == 1 {
			return nil, false
		}
		text = text[1:]
	}
	return list, true
}

func parseElement(text []byte) (e element, rest []byte, ok bool) {
	if text[0] != '"' {
		end := bytes.IndexByte(text, ',')
		if end < 0 {
			end = len(text)
		}
		plain := text[:end]
		if strings.EqualFold(string(plain), "null") {
			return element{null: true}, text[end:], true
		}
		return element{text: plain}, text[end:], !needsQuotes(plain)
	}
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '"':
			return e, text[i+1:], true
		case '\\':
			i++
			if i == len(text) {
				return e, nil, false
			}
		}
		e.text = append(e.text, text[i])
	}
	return e, nil, false
}
