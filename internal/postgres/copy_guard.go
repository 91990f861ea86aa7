package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"understudy"
)

// guardInterval is the time between looks at who waits; whoever is seen waiting twice
// in a row has waited long enough.
const guardInterval = 500 * time.Millisecond

// copyName is the application_name of one copy's connections, pg_dump's included: the
// guard finds them by it, and so does whoever looks at the server's activity.
func copyName() string { return "understudy copy " + rand.Text()[:8] }

// givingWay runs act, and ends it when a session on the source waits for a lock that
// a connection of the moment holds. Production's migration goes before our copy.
func givingWay(ctx context.Context, m *moment, act func(context.Context) error) error {
	guarded, end := context.WithCancelCause(ctx)
	defer end(nil)
	var guard errgroup.Group
	guard.Go(func() error { return watchForWaiters(guarded, m, end) })
	err := act(guarded)
	gaveWay := context.Cause(guarded)
	end(nil)
	watched := guard.Wait()
	var why *understudy.Error
	if err != nil && errors.As(gaveWay, &why) {
		return why
	}
	return errors.Join(err, watched)
}

// watchForWaiters looks until the context ends. Not being able to look ends the copy
// too: an unguarded one might hold production up.
func watchForWaiters(ctx context.Context, m *moment, end context.CancelCauseFunc) error {
	conn, err := openReader(ctx, m.url, m.name+" guard")
	if err != nil {
		if ctx.Err() == nil {
			end(err)
		}
		return nil
	}
	defer closeConn(ctx, conn)
	tick := time.NewTicker(guardInterval)
	defer tick.Stop()
	waited := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		var waiting bool
		err := conn.QueryRow(ctx, `
			SELECT EXISTS (SELECT FROM pg_catalog.pg_locks l WHERE NOT l.granted AND pg_catalog.pg_blocking_pids(l.pid)
				&& ARRAY(SELECT a.pid FROM pg_catalog.pg_stat_activity a WHERE a.application_name = $1))`, m.name).Scan(&waiting)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			end(readError("watching that the copy holds nobody up", err))
			return nil
		case waiting && waited:
			end(understudy.Errorf(understudy.KindConflict, "a session on the source waited for a lock that the copy holds, so the copy gave way").
				WithHint("a schema change is under way there; run the copy again when it is done"))
			return nil
		}
		waited = waiting
	}
}
