package logical

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"understudy/internal/postgres"
)

const (
	// rangePages is how much of a table's heap one statement reads where several sessions
	// read it: 4 MB, which are there in the time in which a distant server answers a few times.
	rangePages = 512
	// lanePieces holds the rows of a range as they come, some of them kept outside of its pages.
	lanePieces = 20
	// mostReaders is how many sessions read one table at most: the rows still go through one
	// writer, which takes them at a third to a half of the speed of one reader.
	mostReaders = 4
	// rangesSince is the first version that finds the rows between two places of a table
	// without reading all of it.
	rangesSince = 14
)

// readers is how many sessions read a table: as many of the copy's places as its share of
// all bytes, so that a table that is nearly all there is does not leave the others idle.
//
// They read ranges of its pages that follow each other, and the rows are written in that order
// by one writer. Several writers would be faster and leave the rows in another order than
// production's: plans rest on that order.
func (c *copying) readers(t *copiedTable) int {
	_, chosen := c.spec.Choose(t.rules)
	if t.earlier || chosen || len(t.columns) == 0 || c.source.major < rangesSince || t.pages < 8*rangePages {
		return 1
	}
	var all int64
	for _, other := range c.tables {
		all += other.size
	}
	return int(min(max(t.size*int64(c.spec.Parallel)/all, 1), mostReaders))
}

// readRanges are the statements that read a table's pages range by range. The last has no
// end: the view of the data has no row behind the pages that were counted in it, and need not
// rest on that.
func (t *copiedTable) readRanges() []string {
	var statements []string
	for from := int64(0); from < t.pages; from += rangePages {
		where := fmt.Sprintf("ctid >= '(%d,0)'", from)
		if from+rangePages < t.pages {
			where += fmt.Sprintf(" AND ctid < '(%d,0)'", from+rangePages)
		}
		statements = append(statements, "COPY (SELECT "+t.list()+" FROM ONLY "+t.quoted()+" WHERE "+where+") TO STDOUT"+t.with())
	}
	return statements
}

// withReaders runs act with the sessions given and as many others that see the moment as are
// wanted, or as the source lets in.
func (c *copying) withReaders(ctx context.Context, sources []*pgx.Conn, wanted int, act func([]*pgx.Conn) error) error {
	if len(sources) >= wanted {
		return act(sources)
	}
	joined := false
	err := c.moment.Join(ctx, func(source pgx.Tx) error {
		joined = true
		if err := inOrder(ctx, source); err != nil {
			return err
		}
		return c.withReaders(ctx, append(sources, source.Conn()), wanted, act)
	})
	if !joined && ctx.Err() == nil && !errors.Is(err, postgres.ErrMomentGone) {
		return act(sources)
	}
	return err
}

// inOrder has a session read tables from their first page to their last: workers of the
// server would mix the rows of a query, and a role may have been told to read in another way.
func inOrder(ctx context.Context, source pgx.Tx) error {
	_, err := source.Exec(ctx, "SET LOCAL max_parallel_workers_per_gather = 0; SET LOCAL enable_tidscan = on")
	if err != nil {
		return reachedError(postgres.ReadError("preparing the session that reads rows", err))
	}
	return nil
}
