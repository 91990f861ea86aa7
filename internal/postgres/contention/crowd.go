package contention

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"understudy/internal/postgres"
)

// Name is what its sessions are called at the server.
const Name = "understudy contention"

// Target is a table, as SQL writes it, that sessions read from or write to.
type Target struct {
	Relation string
	Writes   bool
}

// Crowd is the other sessions of one database. Its methods may be called from several
// goroutines, those of one target from one at a time.
type Crowd struct {
	url  string // of a superuser, for the database
	mu   sync.Mutex
	conn map[Target]*pgx.Conn
	look *pgx.Conn
}

// Open connects to a database as a superuser. The caller closes it.
func Open(ctx context.Context, url string) (*Crowd, error) {
	look, err := postgres.OpenReader(ctx, url, Name)
	if err != nil {
		return nil, err
	}
	return &Crowd{url: url, conn: map[Target]*pgx.Conn{}, look: look}, nil
}

// Close ends its sessions.
func (c *Crowd) Close(ctx context.Context) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.conn {
		postgres.CloseConn(ctx, conn)
	}
	postgres.CloseConn(ctx, c.look)
}

// Occupy begins a transaction that has read from each target, or holds the lock of somebody
// who has written to it, and leaves it open until leave is called, which may be done more
// than once.
func (c *Crowd) Occupy(ctx context.Context, targets []Target) (leave func(), err error) {
	conn, err := postgres.OpenReader(ctx, c.url, Name)
	if err != nil {
		return nil, err
	}
	var once sync.Once
	leave = func() { once.Do(func() { postgres.CloseConn(ctx, conn) }) } // its transaction ends with it
	_, err = conn.Exec(ctx, "BEGIN")
	for _, t := range targets {
		if err == nil {
			_, err = conn.Exec(ctx, t.locks())
		}
	}
	if err != nil {
		leave()
		return nil, postgres.ReadError("leaving a transaction open", err)
	}
	return leave, nil
}

// locks takes the lock of a reader or a writer of the target, until the transaction ends.
func (t Target) locks() string {
	if t.Writes {
		return "LOCK TABLE " + t.Relation + " IN ROW EXCLUSIVE MODE"
	}
	return "SELECT 1 FROM " + t.Relation + " LIMIT 1"
}

// Ask reads from the target once, or takes the lock of a writer and gives it back. It
// changes nothing.
func (c *Crowd) Ask(ctx context.Context, target Target) error {
	conn, err := c.of(ctx, target)
	if err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, "BEGIN; "+target.locks()+"; ROLLBACK"); err != nil {
		return postgres.ReadError("asking "+target.Relation, err)
	}
	return nil
}

// of is the session of a target.
func (c *Crowd) of(ctx context.Context, target Target) (*pgx.Conn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if conn, known := c.conn[target]; known {
		return conn, nil
	}
	conn, err := postgres.OpenReader(ctx, c.url, Name)
	if err == nil {
		c.conn[target] = conn
	}
	return conn, err
}

// Waits tells whether a session of the database that is none of its own waits for a lock.
func (c *Crowd) Waits(ctx context.Context) (bool, error) {
	var waits bool
	err := c.look.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_stat_activity
		WHERE datname = current_database() AND application_name <> $1 AND backend_type = 'client backend' AND wait_event_type = 'Lock')`, Name).Scan(&waits)
	if err != nil {
		return false, postgres.ReadError("looking who waits", err)
	}
	return waits, nil
}

// Still returns once databases have no session of a client that is none of ours; those that
// are there after patience are ended, and counted. The URL is a superuser's, for another
// database.
func Still(ctx context.Context, url string, databases []string, patience time.Duration) (ended int, err error) {
	conn, err := postgres.OpenReader(ctx, url, Name)
	if err != nil {
		return 0, err
	}
	defer postgres.CloseConn(ctx, conn)
	for began := time.Now(); ; {
		late := time.Since(began) >= patience
		var there, killed int
		err := conn.QueryRow(ctx, `SELECT count(*), count(*) FILTER (WHERE $3 AND pg_terminate_backend(pid)) FROM pg_stat_activity
			WHERE datname = ANY ($1) AND application_name <> $2 AND backend_type = 'client backend'`, databases, Name, late).Scan(&there, &killed)
		if err != nil {
			return ended, postgres.ReadError("waiting until a copy is still", errors.Join(err, context.Cause(ctx)))
		}
		ended = max(ended, killed) // the same are asked again until they have gone
		if there == 0 {
			return ended, nil
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return ended, context.Cause(ctx)
		}
	}
}
