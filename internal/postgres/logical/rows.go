package logical

import "understudy"

// observer is shown what a mask was given and what it made of it.
type observer func(table, column string, original, masked []byte)

// rowMasker masks whole rows, value by value. It serves one goroutine.
type rowMasker struct {
	table   *copiedTable
	codec   codec
	observe observer // may be nil
	fields  [][]byte
	value   []byte
	masked  []byte // the row's masked fields
}

func newRowMasker(t *copiedTable, observe observer) *rowMasker {
	return &rowMasker{table: t, codec: t.codec, observe: observe, fields: make([][]byte, len(t.columns)), masked: make([]byte, 0, 256)}
}

// mask appends the rows, masked. first is the number of the first of them.
func (m *rowMasker) mask(to, rows []byte, first int64) ([]byte, error) {
	for row := first; len(rows) > 0; row++ {
		rest, err := m.codec.split(rows, m.fields)
		if err != nil {
			return nil, understudy.Errorf(understudy.KindInternal, "reading row %d of %s: %w", row, m.table.name(), err)
		}
		m.masked = m.masked[:0]
		for i, mask := range m.table.masks {
			if mask == nil || m.fields[i] == nil {
				continue
			}
			if err := m.maskField(i, mask); err != nil {
				return nil, m.table.maskError(i, err)
			}
		}
		to, rows = m.codec.join(to, m.fields), rest
	}
	return to, nil
}

func (m *rowMasker) maskField(i int, mask understudy.MaskFunc) error {
	m.value = m.codec.decode(m.value[:0], i, m.fields[i])
	safe, err := mask(m.value)
	if err != nil {
		return err
	}
	if m.observe != nil {
		m.observe(m.table.rules, m.table.columns[i], m.value, safe)
	}
	if safe == nil {
		m.fields[i] = nil
		return nil
	}
	start := len(m.masked)
	m.masked, err = m.codec.encode(m.masked, i, safe)
	m.fields[i] = m.masked[start:len(m.masked):len(m.masked)]
	return err
}

// maskError says which column's mask could not make a value safe; the value is not in it.
func (t *copiedTable) maskError(column int, err error) error {
	return understudy.Errorf(understudy.KindOf(err), "masking %s.%s: %w", t.name(), t.columns[column], err).WithHint("%s", understudy.HintOf(err))
}
