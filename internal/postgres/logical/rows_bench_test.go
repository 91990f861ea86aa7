package logical

import (
	"bytes"
	"testing"

	"understudy"
)

// BenchmarkRows masks two of five columns of many rows, in each format, with a mask that
// costs nothing: what is left is the format's own work.
func BenchmarkRows(b *testing.B) {
	same := func(value []byte) ([]byte, error) { return value, nil }
	for name, c := range map[string]codec{"text": textCodec{}, "binary": binaryCodec{make([]binaryForm, 5)}} {
		row := [][]byte{[]byte("12345678"), []byte("ann.example@example.org"), []byte("Ann Example"), []byte("2025-06-01 12:00:00+00"), nil}
		rows := bytes.Repeat(c.join(nil, row), 2000)
		table := &copiedTable{columns: make([]string, 5), masks: []understudy.MaskFunc{nil, same, same, nil, nil}, codec: c}
		masker := newRowMasker(table, nil)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(rows)))
			out := make([]byte, 0, 2*len(rows))
			for b.Loop() {
				if _, err := masker.mask(out, rows, 1); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
