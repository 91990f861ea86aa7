package logical

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"understudy"
	"understudy/internal/postgres"
)

// againAfter is how long is waited before a table is begun again whose connection was
// cut; after the last of them the copy ends.
func againAfter() []time.Duration {
	return []time.Duration{200 * time.Millisecond, time.Second, 3 * time.Second}
}

// copyTables streams the tables, the biggest first, several at once, one ordered
// writer for each: rows keep the order in which production holds them.
func (c *copying) copyTables(ctx context.Context) error {
	c.indexing = c.newBuilders(c.whole, PhaseIndexes, c.post.indexes)
	for _, t := range c.tables {
		c.indexing.turns.coming[t.quoted()] = true
	}
	group, working := errgroup.WithContext(ctx)
	work, earlier := c.inLine(false), c.inLine(true)
	over := make(chan struct{})
	var rows sync.WaitGroup
	begin := func(act func() error) {
		rows.Add(1)
		group.Go(func() error {
			defer rows.Done()
			if err := act(); err != nil {
				return err
			}
			c.indexing.add(c.openBuilder) // in the place that is free now
			return nil
		})
	}
	for range min(c.spec.Parallel, len(work)) {
		begin(func() error { return c.copySome(working, work) })
	}
	if len(earlier) > 0 {
		begin(func() error { return c.copyEarlier(working, earlier) })
	}
	group.Go(func() error { rows.Wait(); close(over); return nil })
	group.Go(func() error {
		select {
		case <-c.indexing.ctx.Done(): // the rows that are still to come would be of no use
			return context.Cause(c.indexing.ctx)
		case <-over:
			return nil
		}
	})
	err := group.Wait()
	if err == nil {
		return nil
	}
	return c.done.soFar(err)
}

// inLine are the tables that are read from the source, or else from the earlier copy, the
// biggest first.
func (c *copying) inLine(earlier bool) chan *copiedTable {
	line := make(chan *copiedTable, len(c.tables))
	for _, i := range postgres.BiggestFirst(c.tables, func(t *copiedTable) int64 { return t.size }) {
		if t := c.tables[i]; t.earlier == earlier {
			line <- t
		}
	}
	close(line)
	return line
}

// copyEarlier copies the tables that the earlier copy has: one after another, as only one
// session sees it. When that is cut, there is no second.
func (c *copying) copyEarlier(ctx context.Context, tables <-chan *copiedTable) error {
	source := c.spec.Earlier.Conn
	_, err := source.Exec(ctx, `SET LOCAL synchronize_seqscans = off; SET LOCAL max_parallel_workers_per_gather = 0; SET LOCAL client_encoding = '`+c.clientEncoding()+`'`)
	if err != nil {
		return postgres.ReadError("preparing the session that reads the earlier copy", err)
	}
	target, err := c.openRows(ctx)
	if err != nil {
		return err
	}
	defer postgres.CloseConn(ctx, target)
	for t := range tables {
		if err := c.copyTable(ctx, source, target, t); err != nil {
			return err
		}
	}
	return nil
}

// copySome copies tables from the channel. When a connection is cut, it takes a fresh
// pair and begins that one table again, as long as the view of the data is there.
func (c *copying) copySome(ctx context.Context, work <-chan *copiedTable) error {
	var now *copiedTable
	pauses := againAfter()
	for {
		err := c.withEnds(ctx, func(source, target *pgx.Conn) error {
			for more := true; ; {
				if now == nil {
					if now, more = <-work; !more {
						return nil
					}
				}
				if err := c.copyTable(ctx, source, target, now); err != nil {
					return err
				}
				now, pauses = nil, againAfter()
			}
		})
		if err == nil || ctx.Err() != nil || !errors.Is(err, errCut) || len(pauses) == 0 {
			return err
		}
		c.again.Add(1)
		select {
		case <-time.After(pauses[0]):
			pauses = pauses[1:]
		case <-ctx.Done():
			return err
		}
	}
}

// withEnds runs act with a session that sees the moment, and one on the target. That one
// of them cannot be had counts as a cut connection.
func (c *copying) withEnds(ctx context.Context, act func(source, target *pgx.Conn) error) error {
	target, err := c.openRows(ctx)
	if err != nil {
		return reachedError(err)
	}
	defer postgres.CloseConn(ctx, target)
	acted := false
	err = c.moment.Join(ctx, func(source pgx.Tx) error {
		acted = true
		if err := inOrder(ctx, source); err != nil {
			return err
		}
		return act(source.Conn(), target)
	})
	if !acted {
		return reachedError(err)
	}
	return err
}

func reachedError(err error) error {
	if understudy.KindOf(err) != understudy.KindUnavailable || errors.Is(err, postgres.ErrMomentGone) {
		return err
	}
	return understudy.Errorf(understudy.KindUnavailable, "%s; %w", err.Error(), errCut).WithHint("%s", understudy.HintOf(err))
}

// copyTable streams one table. Emptying it in the same transaction lets the server
// write the rows frozen, and without WAL where its settings allow that; and what a cut
// connection left of it is gone.
func (c *copying) copyTable(ctx context.Context, source, target *pgx.Conn, t *copiedTable) error {
	tx, err := target.Begin(ctx)
	if err != nil {
		return targetError(t, 0, err)
	}
	defer postgres.Rollback(ctx, tx)
	if _, err := tx.Exec(ctx, "TRUNCATE ONLY "+t.quoted()); err != nil {
		return targetError(t, 0, err)
	}
	var read *passed
	err = c.withReaders(ctx, []*pgx.Conn{source}, c.readers(t), func(sources []*pgx.Conn) error {
		s := c.stream(t)
		s.maskers *= len(sources)
		read = &s.read
		statements := []string{t.readAll(c.chosen(t))}
		if len(sources) > 1 {
			s.ahead, statements = lanePieces, t.readRanges()
		}
		arrived, err := s.run(ctx, sources, target, statements, t.write("FREEZE"))
		if err == nil && arrived != read.rows {
			err = understudy.Errorf(understudy.KindInternal, "copying %s: %d rows were read and %d arrived", t.name(), read.rows, arrived)
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := tx.Commit(ctx); err != nil {
		return targetError(t, read.rows, err)
	}
	t.rows, t.bytes = read.rows, read.bytes
	c.done.finished(t)
	c.indexing.turns.arrived(t.quoted())
	return nil
}

// chosen is which of a table's rows are copied.
func (c *copying) chosen(t *copiedTable) Choice {
	if choice, found := c.spec.Choose(t.rules); found {
		return choice
	}
	return Choice{}
}

func (c *copying) stream(t *copiedTable) *stream {
	maskers := 0
	if t.masks != nil {
		maskers = max(1, runtime.GOMAXPROCS(0)/c.spec.Parallel)
	}
	throttle := c.throttle
	if t.earlier {
		throttle = newThrottle(Gentle{Rate: -1}) // production has no part in it
	}
	return &stream{table: t, observe: c.spec.Observe, throttle: throttle, moved: c.done.moving(t), maskers: maskers, ahead: 2*maskers + 2}
}
