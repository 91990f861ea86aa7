package physical

import (
	"context"
	"sync/atomic"

	"github.com/jackc/pgx/v5"

	"understudy/internal/postgres"
)

// rebuilding is one step of the work behind the masking: an index, or, where there is none
// to build again, a table.
type rebuilding struct {
	table *table
	index *index
	bytes int64
}

// rebuild builds the indexes again that were set aside, the big ones first, several at
// once. Whoever builds the last one of a table reads the table: it counts its rows, tries its
// rules and analyses it. So no processor waits until the others have built theirs.
func (c *copying) rebuild(ctx context.Context) error {
	work, indexes := c.rebuildings()
	return c.each(ctx, len(work), func(ctx context.Context, conn *pgx.Conn, n int) error {
		one := work[n]
		if one.index != nil {
			if err := c.rebuildIndex(ctx, conn, *one.index); err != nil || indexes[one.table].Add(-1) > 0 {
				return err
			}
		}
		if err := c.proveTable(ctx, conn, one.table); err != nil || len(one.table.masked()) == 0 {
			return err
		}
		return analyse(ctx, conn, one.table.quoted())
	})
}

// rebuildings is the work in its order, and how many indexes each table waits for.
func (c *copying) rebuildings() ([]rebuilding, map[*table]*atomic.Int32) {
	indexes := map[*table]*atomic.Int32{}
	var unordered []rebuilding
	for _, t := range c.tables {
		var own []rebuilding
		for i := range c.aside {
			if c.aside[i].of == t.oid {
				own = append(own, rebuilding{t, &c.aside[i], c.aside[i].bytes})
			}
		}
		indexes[t] = &atomic.Int32{}
		indexes[t].Store(int32(len(own)))
		if len(own) == 0 {
			own = []rebuilding{{table: t}}
		}
		unordered = append(unordered, own...)
	}
	var work []rebuilding
	for _, n := range postgres.BiggestFirst(unordered, func(r rebuilding) int64 { return r.bytes }) {
		work = append(work, unordered[n])
	}
	return work, indexes
}
