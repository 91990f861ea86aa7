package mask

import (
	"bytes"

	"understudy"
)

// eachElement masks the elements of a PostgreSQL array in its text form, of any number of
// dimensions: {a,"b c",NULL,{d}}. What is no such form is an error, for a type said it was
// an array.
func eachElement(masked appendFunc) appendFunc {
	return func(dst, value []byte) ([]byte, error) {
		start := bytes.IndexByte(value, '{')
		if start < 0 || start > 0 && value[0] != '[' {
			return nil, understudy.Errorf(understudy.KindInvalid, "expected an array in braces, found another form of %d bytes", len(value))
		}
		dst = append(dst, value[:start]...)
		var scratch [128]byte
		for at := start; at < len(value); {
			switch value[at] {
			case '{', '}', ',':
				dst, at = append(dst, value[at]), at+1
				continue
			}
			element, length, null := readElement(value[at:])
			at += length
			if null {
				dst = append(dst, "NULL"...)
				continue
			}
			to, err := masked(scratch[:0], element)
			if err != nil {
				return nil, err
			}
			dst = appendElement(dst, to)
		}
		return dst, nil
	}
}

// readElement takes the element at the head of rest, and says how many bytes it took.
func readElement(rest []byte) (element []byte, length int, null bool) {
	if rest[0] != '"' {
		end := bytes.IndexAny(rest, ",}")
		if end < 0 {
			end = len(rest)
		}
		return unescape(rest[:end]), end, bytes.EqualFold(rest[:end], []byte("null"))
	}
	at := 1
	for at < len(rest) && rest[at] != '"' {
		if rest[at] == '\\' {
			at++
		}
		at++
	}
	return unescape(rest[1:min(at, len(rest))]), min(at+1, len(rest)), false
}

func unescape(raw []byte) []byte {
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw
	}
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] == '\\' && i+1 < len(raw) {
			i++
		}
		out = append(out, raw[i])
	}
	return out
}

// appendElement writes an element, quoted so that it is read back as it is. Nil is NULL.
func appendElement(out, element []byte) []byte {
	if element == nil {
		return append(out, "NULL"...)
	}
	plain := len(element) > 0 && !bytes.EqualFold(element, []byte("null")) && !bytes.ContainsAny(element, "{},\"\\ \t\n\r\v\f")
	if plain {
		return append(out, element...)
	}
	return appendQuoted(out, element)
}
