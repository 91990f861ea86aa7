package logical

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"understudy"
	"understudy/internal/postgres"
)

// watchInterval is the time between two looks at the source.
const watchInterval = 250 * time.Millisecond

// copyName is the application_name of one copy's connections, pg_dump's included: the
// watch finds them by it, and so does whoever looks at the server's activity.
func copyName() string { return "understudy copy " + rand.Text()[:8] }

// watch looks after the source while it is read: that nobody there waits for the copy,
// that the view of the data is there, for how long, and how much others have to do.
type watch struct {
	moment   *postgres.Moment
	throttle *throttle
	gentle   Gentle
	began    time.Time
	sees     bool // the role may see what others do
	replica  bool // the source replays what another server does
	from     int64
	cost     understudy.CopyCost
}

// over runs act, and ends it when the source is better off without it: production's
// migration goes before our copy.
func (w *watch) over(ctx context.Context, act func(context.Context) error) error {
	watched, end := context.WithCancelCause(ctx)
	defer end(nil)
	var watching errgroup.Group
	watching.Go(func() error {
		if err := w.run(watched); err != nil {
			end(err)
		}
		return nil
	})
	err := act(watched)
	ended := context.Cause(watched)
	end(nil)
	_ = watching.Wait() // what it has to say is in ended
	var why *understudy.Error
	switch {
	case err != nil && ctx.Err() != nil:
		return endedBy(ctx, err)
	case err != nil && errors.As(ended, &why):
		return why
	}
	return err
}

// endedBy says of an error that the context's end brought about just that.
func endedBy(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	return understudy.Errorf(understudy.KindUnavailable, "the copy was ended before it was done: %w", context.Cause(ctx))
}

// run looks until the context ends, then answers nil; an error is why the copy has to
// end. Not being able to look for long is one: an unwatched copy might hold production up.
func (w *watch) run(ctx context.Context) error {
	pauses := againAfter()
	for {
		err := w.look(ctx, func() { pauses = againAfter() })
		if ctx.Err() != nil {
			return nil
		}
		if !errors.Is(err, errCut) || len(pauses) == 0 {
			return err
		}
		select {
		case <-time.After(pauses[0]):
			pauses = pauses[1:]
		case <-ctx.Done():
			return nil
		}
	}
}

// look watches over one connection.
func (w *watch) look(ctx context.Context, saw func()) error {
	conn, err := postgres.OpenReader(ctx, w.moment.URL, w.moment.Name+" guard")
	if err != nil {
		return reachedError(err)
	}
	defer postgres.CloseConn(ctx, conn)
	if err := w.mayLook(ctx, conn); err != nil {
		return err
	}
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	for waited := 0; ; {
		seen, err := w.sample(ctx, conn)
		if err != nil {
			return err
		}
		saw()
		if waited++; !seen.waiting {
			waited = 0
		}
		if err := w.judge(seen, waited); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// judge decides whether the copy may go on. Whoever waits for a lock in three looks in a
// row has waited long enough.
func (w *watch) judge(seen sample, waited int) error {
	if w.from == 0 {
		w.from = seen.transaction
	}
	w.cost.Transactions = seen.transaction - w.from
	if !w.sees {
		seen.atWork = max(seen.atWork, 1) // nobody is seen: somebody may be there
	}
	w.throttle.follow(seen.atWork)
	held := time.Since(w.began)
	switch {
	case waited >= 3:
		return understudy.Errorf(understudy.KindConflict, "a session on the source waited for a lock that the copy holds, so the copy gave way").
			WithHint("a schema change is under way there; run the copy again when it is done")
	case !seen.held:
		return w.goneError()
	case w.gentle.MaxHold > 0 && held > w.gentle.MaxHold:
		return understudy.Errorf(understudy.KindUnavailable, "the copy held the source's snapshot for %s, and the policy allows %s, as vacuum can clear nothing away meanwhile",
			held.Round(time.Second), w.gentle.MaxHold).
			WithHint("copy from a replica without hot_standby_feedback, raise the rate, copy a subset, or allow it longer")
	}
	return nil
}

func (w *watch) goneError() error {
	err := understudy.Errorf(understudy.KindUnavailable, "the source's view of the data is gone: the session that held it was ended, so that the rest would be of another moment")
	if w.replica {
		return err.WithHint("the source is a replica and had to replay what its primary cleared away, or was restarted: set hot_standby_feedback = on there, or give max_standby_streaming_delay the time a copy takes; then copy again")
	}
	return err.WithHint("the server was restarted, or somebody ended its sessions; copy again")
}

// sample is what one look at the source saw.
type sample struct {
	waiting     bool  // somebody waits for a lock of ours
	held        bool  // the view of the data is there
	atWork      int   // sessions of others on a processor, or waiting for a disk or a lock
	transaction int64 // the next to begin
}

const sampleQuery = `
	WITH ours AS (SELECT pid FROM pg_catalog.pg_stat_activity WHERE application_name IN ($1, $1 || ' guard'))
	SELECT EXISTS (SELECT FROM pg_catalog.pg_locks l WHERE NOT l.granted AND pg_catalog.pg_blocking_pids(l.pid) && ARRAY(SELECT pid FROM ours)
			AND l.pid NOT IN (SELECT pid FROM ours)),
		EXISTS (SELECT FROM ours WHERE pid = $2),
		(SELECT count(*) FROM pg_catalog.pg_stat_activity a WHERE a.state = 'active' AND a.backend_type IN ('client backend', 'parallel worker')
			AND (a.wait_event_type IS NULL OR a.wait_event_type IN ('IO', 'Lock', 'LWLock', 'BufferPin'))
			AND a.application_name NOT LIKE 'understudy copy%'),
		pg_catalog.txid_snapshot_xmax(pg_catalog.txid_current_snapshot())`

func (w *watch) sample(ctx context.Context, conn *pgx.Conn) (sample, error) {
	looking, cancel := context.WithTimeout(ctx, postgres.ReaderStatementTimeout)
	defer cancel()
	var s sample
	err := conn.QueryRow(looking, sampleQuery, w.moment.Name, w.moment.PID()).Scan(&s.waiting, &s.held, &s.atWork, &s.transaction)
	if err != nil && isCut(err) {
		return s, cutError("watching that the copy holds nobody up", 0, err)
	}
	if err != nil {
		return s, postgres.ReadError("watching that the copy holds nobody up", err)
	}
	return s, nil
}

// mayLook asks whether the role sees what others do. A limit to the load needs that.
func (w *watch) mayLook(ctx context.Context, conn *pgx.Conn) error {
	err := conn.QueryRow(ctx, `SELECT pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE'), pg_catalog.pg_is_in_recovery()`).Scan(&w.sees, &w.replica)
	switch {
	case err != nil && isCut(err):
		return cutError("asking what the role may see", 0, err)
	case err != nil:
		return postgres.ReadError("asking what the role may see", err)
	case !w.sees && w.gentle.MaxLoad > 0:
		return understudy.Errorf(understudy.KindRefused, "the copy is to stand still while more than %d sessions are at work, and its role may not see what others do", w.gentle.MaxLoad).
			WithHint("on the source, as a superuser: GRANT pg_monitor TO %s;", postgres.PlainName(conn.Config().User))
	}
	return nil
}

// costs is what the copy cost, as of now.
func (w *watch) costs() *understudy.CopyCost {
	cost := w.cost
	cost.Paused, cost.Limited, cost.Busiest = w.throttle.held()
	return &cost
}
