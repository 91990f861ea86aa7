package mysql

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"understudy"
)

// guardInterval is the time between looks at who waits; whoever is seen waiting twice in
// a row has waited long enough.
const guardInterval = 500 * time.Millisecond

// givingWay runs act, and ends it when a session on the source waits to change a table:
// it may be one that is being read. Production's migration goes before our copy.
func (c *copying) givingWay(ctx context.Context, act func(context.Context) error) error {
	guarded, end := context.WithCancelCause(ctx)
	defer end(nil)
	var guard errgroup.Group
	guard.Go(func() error {
		if err := c.watchForWaiters(guarded); err != nil {
			end(err)
		}
		return nil
	})
	err := act(guarded)
	gaveWay := context.Cause(guarded)
	end(nil)
	_ = guard.Wait() // what it has to say is in gaveWay
	var why *understudy.Error
	switch {
	case err != nil && ctx.Err() != nil:
		return understudy.Errorf(understudy.KindUnavailable, "the copy was ended before it was done: %w", context.Cause(ctx))
	case err != nil && errors.As(gaveWay, &why):
		return why
	}
	return err
}

// waitersQuery counts the sessions that wait to change a table of a database: those that are in
// it, and those in none whose statement names it.
const waitersQuery = `SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE STATE LIKE 'Waiting for table metadata lock%'
	AND (DB = ? OR DB IS NULL AND LOCATE(?, REPLACE(INFO, '` + "``', '`" + `')) > 0)`

// watchForWaiters looks until the context ends, then answers nil; an error is why the copy
// has to end. Without the right PROCESS it sees the account's own sessions only.
func (c *copying) watchForWaiters(ctx context.Context) error {
	s, err := connect(ctx, c.from)
	if err != nil {
		return unlessOver(ctx, err)
	}
	defer s.close()
	tick := time.NewTicker(guardInterval)
	defer tick.Stop()
	for waited := false; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		waiting, err := s.number(ctx, "watching that the copy holds nobody up", waitersQuery, s.database, s.database)
		if err != nil {
			return unlessOver(ctx, err)
		}
		if waiting > 0 && waited {
			return understudy.Errorf(understudy.KindConflict, "a session on the source waited to change a table, so the copy gave way").
				WithHint("a schema change is under way there; run the copy again when it is done")
		}
		waited = waiting > 0
	}
}

// unlessOver forgets an error that only says that the context has ended.
func unlessOver(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}
