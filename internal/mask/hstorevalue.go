package mask

import (
	"bytes"

	"understudy"
)

// eachPair masks the values of PostgreSQL's hstore in its text form, by their key:
// "email"=>"…", "seen"=>NULL. Keys are swept for e-mail addresses, as JSON's are.
func (d *documentMasks) eachPair(k *keyed) appendFunc {
	return func(dst, value []byte) ([]byte, error) {
		var scratch [64]byte
		for at := 0; at < len(value); {
			key, length, _ := readPart(value[at:])
			rest := bytes.TrimLeft(value[at+length:], " ")
			if length == 0 || !bytes.HasPrefix(rest, []byte("=>")) {
				return nil, notPairs(value)
			}
			at = len(value) - len(bytes.TrimLeft(rest[2:], " "))
			old, length, null := readPart(value[at:])
			if length == 0 {
				return nil, notPairs(value)
			}
			at += length
			dst = append(appendQuoted(dst, k.sweep(scratch[:0], key)), "=>"...)
			masked, err := d.root.to(key).of(old, null)
			if err != nil {
				return nil, err
			}
			if masked == nil {
				dst = append(dst, "NULL"...)
			} else {
				dst = appendQuoted(dst, masked)
			}
			if at == len(value) {
				break
			}
			if value[at] != ',' {
				return nil, notPairs(value)
			}
			at = len(value) - len(bytes.TrimLeft(value[at+1:], " "))
			dst = append(dst, ", "...)
		}
		return dst, nil
	}
}

// of is what stands for a text at a path, nil for NULL.
func (p *pathMask) of(value []byte, null bool) ([]byte, error) {
	switch {
	case null:
		return nil, nil
	case p.masked == nil:
		return value, nil
	}
	return p.masked(make([]byte, 0, len(value)+8), value)
}

func notPairs(value []byte) error {
	return understudy.Errorf(understudy.KindInvalid, `masking hstore: expected "key"=>"value", found another form in %d bytes`, len(value))
}

// readPart takes a key or a value at the head of rest, and says how many bytes it took.
func readPart(rest []byte) (part []byte, length int, null bool) {
	if len(rest) > 0 && rest[0] == '"' {
		return readElement(rest)
	}
	length = bytes.IndexAny(rest, ",=> ")
	if length < 0 {
		length = len(rest)
	}
	return unescape(rest[:length]), length, bytes.EqualFold(rest[:length], []byte("null"))
}

// appendQuoted writes a text in double quotes, with backslashes before those in it.
func appendQuoted(dst, text []byte) []byte {
	dst = append(dst, '"')
	for _, b := range text {
		if b == '"' || b == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, b)
	}
	return append(dst, '"')
}
