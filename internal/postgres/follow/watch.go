package follow

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/postgres"
)

// watchEvery is the time between two looks at where production is and what it keeps.
const watchEvery = time.Second

// watch looks at production until ctx ends, also while there is no stream: an error is why
// following has to end. When production does not answer, it has nothing to say; the
// sessions notice too.
func (f *Follower) watch(ctx context.Context) error {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	var conn *pgx.Conn
	defer func() {
		if conn != nil {
			postgres.CloseConn(ctx, conn)
		}
	}()
	for looked := time.Now(); ; {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
		if conn == nil || conn.IsClosed() {
			opened, err := postgres.OpenReader(ctx, f.spec.Source, f.spec.application())
			if err != nil {
				continue
			}
			conn = opened
		}
		due := time.Since(looked) >= f.spec.SchemaEvery
		if due {
			looked = time.Now()
		}
		if err := f.look(ctx, conn, due); errors.As(err, new(finalError)) {
			return err
		} else if err != nil { // the sessions find out by themselves whether it lasts
			postgres.CloseConn(ctx, conn)
			conn = nil
		}
	}
}

// look takes one look; at the schema too if that is due.
func (f *Follower) look(ctx context.Context, source *pgx.Conn, schema bool) error {
	looking, cancel := context.WithTimeout(ctx, postgres.ReaderStatementTimeout)
	defer cancel()
	slot, err := readSlot(looking, source, f.spec)
	if err != nil {
		return err
	}
	f.sampled(slot)
	if err := slot.usable(f.spec); err != nil {
		return err
	}
	if !schema {
		return nil
	}
	now, err := postgres.Inspect(looking, source)
	if err != nil {
		return err
	}
	f.mu.Lock()
	expected := f.expected
	f.mu.Unlock()
	if expected == nil { // nobody has connected yet
		return nil
	}
	return finally(compareSchemas(*expected, now))
}

// expectSchema holds production's schema to the twin's as Run begins; from there on, watch
// does. Servers of different versions write the same schema differently: then production's
// has to stay what it is when they first meet.
func (f *Follower) expectSchema(ctx context.Context, source, target *pgx.Conn) error {
	f.mu.Lock()
	known := f.expected != nil
	f.mu.Unlock()
	if known {
		return nil
	}
	there, err := postgres.Inspect(ctx, source)
	if err != nil {
		return err
	}
	expected := there
	if major(source) == major(target) {
		if expected, err = postgres.Inspect(ctx, target); err != nil {
			return err
		}
	}
	if err := finally(compareSchemas(expected, there)); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.expected = &expected
	return nil
}

func major(conn *pgx.Conn) string {
	version := conn.PgConn().ParameterStatus("server_version")
	for i, r := range version {
		if r < '0' || r > '9' {
			return version[:i]
		}
	}
	return version
}

// finally marks an error as one that ends the following; nil stays nil.
func finally(err error) error {
	if err == nil || understudy.KindOf(err) == understudy.KindUnavailable {
		return err
	}
	return finalError{err}
}
