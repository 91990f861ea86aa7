package rowmask

import (
	"bytes"
	"context"
	"slices"

	"understudy"
)

// Out takes one masked row. It may not keep the values.
type Out func(row [][]byte) error

// Observe is shown each value that was masked, and what became of it, nil for NULL. It may
// keep neither.
type Observe func(column string, original, masked []byte)

// Stream masks the rows of one table, in their order. It is for one goroutine.
type Stream struct {
	table   string
	columns []string
	masks   []understudy.Mask // by column; without Apply where it stays
	first   Out               // what comes after the masks of single values
	batches []*batch
	observe Observe
	rows    int64
}

// New makes the stream of a table whose rows have these columns first; values behind them
// pass along. A mask that names another column, or two for one column, are errors of
// KindInvalid. Observe may be nil.
func New(table string, columns []string, masks understudy.TableMasks, observe Observe, out Out) (*Stream, error) {
	s := &Stream{table: table, columns: columns, masks: make([]understudy.Mask, len(columns)), observe: observe, first: out}
	taken := map[string]bool{}
	for name, mask := range masks.Columns {
		at := slices.Index(columns, name)
		if at < 0 || mask.Apply == nil {
			return nil, understudy.Errorf(understudy.KindInvalid, "the masks of %s name %s, which is not a column that can be written or has no mask", table, name)
		}
		s.masks[at], taken[name] = mask, true
	}
	for i := len(masks.Batches) - 1; i >= 0; i-- {
		b, err := newBatch(s, masks.Batches[i], taken)
		if err != nil {
			return nil, err
		}
		b.next, s.first = s.first, b.take
		s.batches = slices.Insert(s.batches, 0, b)
	}
	return s, nil
}

// Masked lists the columns that are masked, in the table's order.
func (s *Stream) Masked() []string {
	var names []string
	for i, name := range s.columns {
		if s.masks[i].Apply != nil || slices.ContainsFunc(s.batches, func(b *batch) bool { return slices.Contains(b.at, i) }) {
			names = append(names, name)
		}
	}
	return names
}

// Row masks one row, nil being NULL, in place where it can, and passes it on. The values
// are the caller's again when it returns.
func (s *Stream) Row(ctx context.Context, row [][]byte) error {
	s.rows++
	for i, mask := range s.masks {
		if mask.Apply == nil || row[i] == nil {
			continue
		}
		safe, err := mask.Apply(row[i])
		if err != nil {
			return s.broken(mask.Name, s.columns[i], err)
		}
		if s.observe != nil {
			s.observe(s.columns[i], row[i], safe)
		}
		row[i] = safe
	}
	if len(s.batches) > 0 {
		for _, b := range s.batches {
			b.ctx = ctx
		}
	}
	return s.first(row)
}

// Flush passes on what still waits for its batch to fill. It ends the stream.
func (s *Stream) Flush(ctx context.Context) error {
	for _, b := range s.batches {
		b.ctx = ctx
		if err := b.flush(); err != nil {
			return err
		}
	}
	return nil
}

// Rows is how many rows came in.
func (s *Stream) Rows() int64 { return s.rows }

func (s *Stream) broken(mask, column string, err error) error {
	return understudy.Errorf(understudy.KindOf(err), "masking %s.%s with %s, row %d: %w", s.table, column, mask, s.rows, err).
		WithHint("%s", understudy.HintOf(err))
}

// batch collects rows for a mask that wants several at once.
type batch struct {
	stream *Stream
	mask   understudy.BatchMask
	at     []int // positions of the mask's columns
	ctx    context.Context
	held   [][][]byte
	next   Out
}

func newBatch(s *Stream, mask understudy.BatchMask, taken map[string]bool) (*batch, error) {
	b := &batch{stream: s, mask: mask}
	for _, name := range mask.Columns {
		at := slices.Index(s.columns, name)
		if at < 0 || taken[name] || mask.Apply == nil {
			return nil, understudy.Errorf(understudy.KindInvalid, "mask %s of %s names %s, which is not a column that can be written or has another mask", mask.Name, s.table, name)
		}
		taken[name] = true
		b.at = append(b.at, at)
	}
	return b, nil
}

func (b *batch) take(row [][]byte) error {
	kept := make([][]byte, len(row))
	for i, value := range row {
		kept[i] = bytes.Clone(value)
	}
	b.held = append(b.held, kept)
	if len(b.held) < max(1, b.mask.Rows) {
		return nil
	}
	return b.flush()
}

func (b *batch) flush() error {
	if len(b.held) == 0 {
		return nil
	}
	picked := make([][][]byte, len(b.held))
	for i, row := range b.held {
		picked[i] = make([][]byte, len(b.at))
		for j, at := range b.at {
			picked[i][j] = row[at]
		}
	}
	if err := b.mask.Apply(b.ctx, picked); err != nil {
		return b.stream.broken(b.mask.Name, b.mask.Columns[0], err)
	}
	held := b.held
	b.held = nil
	for i, row := range held {
		for j, at := range b.at {
			if b.stream.observe != nil && row[at] != nil {
				b.stream.observe(b.mask.Columns[j], row[at], picked[i][j])
			}
			row[at] = picked[i][j]
		}
		if err := b.next(row); err != nil {
			return err
		}
	}
	return nil
}
