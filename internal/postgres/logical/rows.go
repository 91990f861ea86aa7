package logical

import (
	"bytes"
	"io"

	"understudy"
)

// rowWriter passes on rows in COPY's text format, masking columns on the way. Bytes
// may come in pieces of any size; a row is held only until it is complete.
type rowWriter struct {
	out     io.Writer
	table   *copiedTable
	moved   func(rows, bytes int64) // called after each piece with what is through so far
	partial []byte
	row     []byte
	value   []byte
	rows    int64
	bytes   int64
}

// Write takes the next piece from the source.
func (w *rowWriter) Write(p []byte) (int, error) {
	if err := w.pass(p); err != nil {
		return 0, err
	}
	w.bytes += int64(len(p))
	w.moved(w.rows, w.bytes)
	return len(p), nil
}

func (w *rowWriter) pass(p []byte) error {
	if w.table.masks == nil {
		w.rows += int64(bytes.Count(p, []byte{'\n'}))
		_, err := w.out.Write(p)
		return err
	}
	for len(p) > 0 {
		end := bytes.IndexByte(p, '\n')
		if end < 0 {
			w.partial = append(w.partial, p...)
			return nil
		}
		line := p[:end]
		if len(w.partial) > 0 {
			w.partial = append(w.partial, line...)
			line = w.partial
		}
		if err := w.mask(line); err != nil {
			return err
		}
		w.partial = w.partial[:0]
		p = p[end+1:]
	}
	return nil
}

// mask writes one row, given without its new line.
func (w *rowWriter) mask(line []byte) error {
	w.row = w.row[:0]
	masks := w.table.masks
	for i := range masks {
		field, rest, more := bytes.Cut(line, []byte{'\t'})
		if more != (i < len(masks)-1) {
			return understudy.Errorf(understudy.KindInternal, "row %d of %s does not have the %d columns it was read with", w.rows+1, w.table.name(), len(masks))
		}
		if i > 0 {
			w.row = append(w.row, '\t')
		}
		if masks[i] == nil || isNull(field) {
			w.row = append(w.row, field...)
		} else if err := w.maskField(i, field); err != nil {
			return err
		}
		line = rest
	}
	w.row = append(w.row, '\n')
	w.rows++
	_, err := w.out.Write(w.row)
	return err
}

func (w *rowWriter) maskField(i int, field []byte) error {
	w.value = appendUnescaped(w.value[:0], field)
	safe, err := w.table.masks[i](w.value)
	if err != nil {
		return understudy.Errorf(understudy.KindOf(err), "masking %s.%s: %w", w.table.name(), w.table.columns[i], err).WithHint("%s", understudy.HintOf(err))
	}
	if safe == nil {
		w.row = append(w.row, `\N`...)
	} else {
		w.row = appendEscaped(w.row, safe)
	}
	return nil
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
	for _, b := range value {
		switch b {
		case '\\':
			to = append(to, '\\', '\\')
		case '\n':
			to = append(to, '\\', 'n')
		case '\r':
			to = append(to, '\\', 'r')
		case '\t':
			to = append(to, '\\', 't')
		default:
			to = append(to, b)
		}
	}
	return to
}
