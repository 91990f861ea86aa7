package logical

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/postgres"
)

// tryRows is how many rows of each masked table are tried before hours are spent.
const tryRows = 50

// tryMasks masks some rows of every table with masks and writes them into the target,
// in a transaction that is rolled back: a mask that breaks a check, a domain, a length or
// a type is named now, with all others that do.
func (c *copying) tryMasks(ctx context.Context) error {
	var broken []error
	err := c.moment.Join(ctx, func(source pgx.Tx) error {
		target, err := c.openRows(ctx)
		if err != nil {
			return err
		}
		defer postgres.CloseConn(ctx, target)
		for _, t := range c.tables {
			if t.masks == nil && t.batches == nil {
				continue
			}
			err := c.tryTable(ctx, source.Conn(), target, t)
			if err != nil && understudy.KindOf(err) != understudy.KindInvalid {
				return err
			}
			if err != nil {
				broken = append(broken, err)
			}
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case len(broken) == 0:
		return nil
	}
	said := make([]string, len(broken))
	for i, b := range broken {
		said[i] = b.Error()
	}
	return triedError(strings.Join(said, "; "), broken)
}

func triedError(said string, broken []error) error {
	return &understudy.Error{
		Kind:    understudy.KindInvalid,
		Message: "nothing was copied: the masks were tried on " + strconv.Itoa(tryRows) + " rows of each table, and some do not fit: " + said,
		Hint:    understudy.HintOf(broken[0]), Err: errors.Join(broken...),
	}
}

// tryTable tries one table.
func (c *copying) tryTable(ctx context.Context, source, target *pgx.Conn, t *copiedTable) error {
	tx, err := target.Begin(ctx)
	if err != nil {
		return targetError(t, 0, err)
	}
	defer postgres.Rollback(ctx, tx)
	s := c.stream(t)
	s.observe, s.moved = nil, func(int64, int64) {}
	_, err = s.run(ctx, []*pgx.Conn{source}, target, []string{t.readSome(c.chosen(t), tryRows)}, t.write())
	return err
}
