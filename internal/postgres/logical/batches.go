package logical

import (
	"context"
	"slices"

	"understudy"
)

// batchRows is how many rows a batch has whose mask does not say.
const batchRows = 1000

// batcher gathers the rows of one table, in order, and has their columns masked many at
// once. It holds as many rows as its mask wants.
type batcher struct {
	table   *copiedTable
	codec   codec
	observe observer // may be nil
	mask    understudy.BatchMask
	columns []int  // of the mask, among the table's
	held    []byte // whole rows
	rows    int
	fields  [][]byte
	out     []byte
}

// batchers are those of a table, each of which is given what the one before it made.
func (t *copiedTable) batchers(observe observer) []*batcher {
	var chain []*batcher
	for _, mask := range t.batches {
		b := &batcher{table: t, codec: t.codec, observe: observe, mask: mask, fields: make([][]byte, len(t.columns))}
		if b.mask.Rows <= 0 {
			b.mask.Rows = batchRows
		}
		for _, column := range mask.Columns {
			b.columns = append(b.columns, slices.Index(t.columns, column))
		}
		chain = append(chain, b)
	}
	return chain
}

// passBatches passes rows through a chain and returns what came out at its end, to be used
// before the next call. last tells that no more rows come.
func passBatches(ctx context.Context, chain []*batcher, rows []byte, last bool) ([]byte, error) {
	for _, b := range chain {
		b.out = b.out[:0]
		if err := b.take(ctx, rows); err != nil {
			return nil, err
		}
		if last {
			if err := b.flush(ctx); err != nil {
				return nil, err
			}
		}
		rows = b.out
	}
	return rows, nil
}

func (b *batcher) take(ctx context.Context, rows []byte) error {
	for len(rows) > 0 {
		rest, err := b.codec.split(rows, b.fields)
		if err != nil {
			return err
		}
		b.held = append(b.held, rows[:len(rows)-len(rest)]...)
		b.rows++
		rows = rest
		if b.rows < b.mask.Rows {
			continue
		}
		if err := b.flush(ctx); err != nil {
			return err
		}
	}
	return nil
}

// flush masks what is held and puts it out.
func (b *batcher) flush(ctx context.Context) error {
	if b.rows == 0 {
		return nil
	}
	values, err := b.values()
	if err != nil {
		return err
	}
	if err := b.mask.Apply(ctx, values); err != nil {
		return b.table.maskError(b.columns[0], err)
	}
	rest := b.held
	for _, masked := range values {
		if rest, err = b.codec.split(rest, b.fields); err != nil {
			return err
		}
		if err := b.replace(masked); err != nil {
			return err
		}
		b.out = b.codec.join(b.out, b.fields)
	}
	b.held, b.rows = b.held[:0], 0
	return nil
}

// values are the mask's columns of the rows held, in memory of their own.
func (b *batcher) values() ([][][]byte, error) {
	values := make([][][]byte, b.rows)
	rest, err := b.held, error(nil)
	for i := range values {
		if rest, err = b.codec.split(rest, b.fields); err != nil {
			return nil, err
		}
		values[i] = make([][]byte, len(b.columns))
		for j, column := range b.columns {
			if field := b.fields[column]; field != nil {
				values[i][j] = b.codec.decode(make([]byte, 0, len(field)), column, field)
			}
		}
	}
	return values, nil
}

// replace puts a row's masked values into its fields.
func (b *batcher) replace(masked [][]byte) error {
	for j, column := range b.columns {
		if b.observe != nil && b.fields[column] != nil {
			b.observe(b.table.rules, b.table.columns[column], b.codec.decode(nil, column, b.fields[column]), masked[j])
		}
		if masked[j] == nil {
			b.fields[column] = nil
			continue
		}
		field, err := b.codec.encode(make([]byte, 0, len(masked[j])+8), column, masked[j])
		if err != nil {
			return b.table.maskError(column, err)
		}
		b.fields[column] = field
	}
	return nil
}
