package logical

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"understudy/internal/postgres"

	"github.com/jackc/pgx/v5"
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
func givingWay(ctx context.Context, m *postgres.Moment, act func(context.Context) error) error {
	guarded, end := context.WithCancelCause(ctx)
	defer end(nil)
	var guard errgroup.Group
	guard.Go(func() error {
		if err := watchForWaiters(guarded, m); err != nil {
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

// watchForWaiters looks until the context ends, then answers nil; an error is why the
// copy has to end. Not being able to look is one: an unguarded copy might hold
// production up.
func watchForWaiters(ctx context.Context, m *postgres.Moment) error {
	conn, err := postgres.OpenReader(ctx, m.URL, m.Name+" guard")
	if err != nil {
		return unlessOver(ctx, err)
	}
	defer postgres.CloseConn(ctx, conn)
	tick := time.NewTicker(guardInterval)
	defer tick.Stop()
	for waited := false; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		waiting, err := someoneWaits(ctx, conn, m.Name)
		if err != nil {
			return unlessOver(ctx, err)
		}
		if waiting && waited {
			return understudy.Errorf(understudy.KindConflict, "a session on the source waited for a lock that the copy holds, so the copy gave way").
				WithHint("a schema change is under way there; run the copy again when it is done")
		}
		waited = waiting
	}
}

// someoneWaits tells whether a session waits for one whose application_name is name.
func someoneWaits(ctx context.Context, conn *pgx.Conn, name string) (bool, error) {
	looking, cancel := context.WithTimeout(ctx, postgres.ReaderStatementTimeout)
	defer cancel()
	var waiting bool
	err := conn.QueryRow(looking, `
		SELECT EXISTS (SELECT FROM pg_catalog.pg_locks l WHERE NOT l.granted AND pg_catalog.pg_blocking_pids(l.pid)
			&& ARRAY(SELECT a.pid FROM pg_catalog.pg_stat_activity a WHERE a.application_name = $1))`, name).Scan(&waiting)
	if err != nil {
		return false, postgres.ReadError("watching that the copy holds nobody up", err)
	}
	return waiting, nil
}

// unlessOver forgets an error that only says that the context has ended.
func unlessOver(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}
