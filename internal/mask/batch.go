package mask

import (
	"cmp"
	"context"
	"encoding/binary"
	"slices"
	"strings"

	"understudy"
)

// shuffleRows is how many rows change places with each other.
const shuffleRows = 4096

// shuffleColumn lets the values of a column change places within each batch of rows, NULLs
// too: every value stays in the column as often as it was, beside another row's other
// columns. The rows stand in a circle in an order that the key and the values draw, and each gives
// its value to the next: no row keeps its own, unless its neighbour has the same. The same
// batch is always shuffled alike.
func (k *keyed) shuffleColumn(column string) understudy.BatchMask {
	return understudy.BatchMask{Name: maskShuffle, Columns: []string{column}, Rows: shuffleRows, Apply: func(ctx context.Context, rows [][][]byte) error {
		type place struct {
			draw uint64
			row  int
		}
		order := make([]place, len(rows))
		s := k.take("shuffle")
		defer k.give(s)
		head := len(s.structure)
		for i, row := range rows {
			s.structure = append(s.structure[:head], column...)
			s.structure = binary.BigEndian.AppendUint32(append(s.structure, 0), uint32(i))
			s.structure = append(s.structure, row[0]...)
			k.seal(s)
			order[i] = place{binary.BigEndian.Uint64(s.mixed[:]), i}
		}
		slices.SortFunc(order, func(a, b place) int { return cmp.Or(cmp.Compare(a.draw, b.draw), cmp.Compare(a.row, b.row)) })
		if len(order) == 0 {
			return ctx.Err()
		}
		last := rows[order[len(order)-1].row][0]
		for _, p := range order {
			rows[p.row][0], last = last, rows[p.row][0]
		}
		return ctx.Err()
	}}
}

// Program runs a program of the team's own over a batch of rows: rows[i][j] is the value
// of columns[j] in row i, nil for NULL, and is replaced in place.
type Program func(ctx context.Context, command, columns []string, rows [][][]byte) error

// programRows is how many rows a program is given at once.
const programRows = 10_000

// Option says what Masks may use beside the policy and its key.
type Option func(*setup)

type setup struct{ program Program }

// WithProgram lets rules name programs. Without it they are refused.
func WithProgram(run Program) Option { return func(s *setup) { s.program = run } }

// batches gathers what is masked a batch of rows at once: a column that is shuffled stands
// alone, columns under one program go to it together.
type batches struct {
	k     *keyed
	setup setup
	made  []understudy.BatchMask
	under map[string]int // place in made, by command
}

// isBatch tells the masks that need several rows at once.
func isBatch(name string) bool { return name == maskShuffle || name == maskProgram }

func (b *batches) add(c understudy.Column, rule Rule) error {
	if rule.Mask == maskShuffle {
		b.made = append(b.made, b.k.shuffleColumn(c.Name))
		return nil
	}
	if b.setup.program == nil {
		return understudy.Errorf(understudy.KindUnavailable, "masking %s by a program: programs cannot be run here", c)
	}
	name := strings.Join(rule.Program, "\x00")
	if at, found := b.under[name]; found {
		b.made[at].Columns = append(b.made[at].Columns, c.Name)
		return nil
	}
	if b.under == nil {
		b.under = map[string]int{}
	}
	b.under[name] = len(b.made)
	b.made = append(b.made, understudy.BatchMask{Name: maskProgram, Columns: []string{c.Name}, Rows: programRows})
	at := len(b.made) - 1
	b.made[at].Apply = func(ctx context.Context, rows [][][]byte) error {
		return b.setup.program(ctx, rule.Program, b.made[at].Columns, rows)
	}
	return nil
}
