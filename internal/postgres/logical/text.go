package logical

import (
	"bytes"

	"understudy"
)

// textCodec is COPY's text format: rows end with a new line, fields with a tab, and what
// would be mistaken for either is escaped.
type textCodec struct{}

func (textCodec) whole(data []byte) (end, rows int, err error) {
	end = bytes.LastIndexByte(data, '\n') + 1
	return end, bytes.Count(data[:end], []byte{'\n'}), nil
}

func (textCodec) split(data []byte, fields [][]byte) (rest []byte, err error) {
	line, rest, _ := bytes.Cut(data, []byte{'\n'})
	for i := range fields {
		field, after, more := bytes.Cut(line, []byte{'\t'})
		if more != (i < len(fields)-1) {
			return nil, understudy.Errorf(understudy.KindInternal, "it does not have the %d columns it was read with", len(fields))
		}
		if isNull(field) {
			field = nil
		}
		fields[i], line = field, after
	}
	return rest, nil
}

func (textCodec) join(to []byte, fields [][]byte) []byte {
	for i, field := range fields {
		if i > 0 {
			to = append(to, '\t')
		}
		if field == nil {
			field = []byte(`\N`)
		}
		to = append(to, field...)
	}
	return append(to, '\n')
}

func (textCodec) decode(to []byte, _ int, field []byte) []byte { return appendUnescaped(to, field) }

func (textCodec) encode(to []byte, _ int, value []byte) ([]byte, error) {
	return appendEscaped(to, value), nil
}

// isNull tells NULL from a text: a text that reads \N is written \\N.
func isNull(field []byte) bool { return len(field) == 2 && field[0] == '\\' && field[1] == 'N' }

// appendUnescaped appends the value that a field of COPY's text format stands for. It
// reads what COPY TO writes; a backslash before any other byte stands for that byte.
func appendUnescaped(to, field []byte) []byte {
	for {
		at := bytes.IndexByte(field, '\\')
		if at < 0 || at == len(field)-1 {
			return append(to, field...)
		}
		to = append(to, field[:at]...)
		to = append(to, unescaped(field[at+1]))
		field = field[at+2:]
	}
}

func unescaped(b byte) byte {
	switch b {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'v':
		return '\v'
	}
	return b
}

// appendEscaped appends a value as a field of COPY's text format.
func appendEscaped(to, value []byte) []byte {
	start := 0
	for i, b := range value {
		var letter byte
		switch b {
		case '\\':
			letter = '\\'
		case '\n':
			letter = 'n'
		case '\r':
			letter = 'r'
		case '\t':
			letter = 't'
		default:
			continue
		}
		to = append(append(to, value[start:i]...), '\\', letter)
		start = i + 1
	}
	return append(to, value[start:]...)
}
