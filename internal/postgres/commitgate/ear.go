package commitgate

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// ear is a session that notices that a commit is held. It is for one goroutine.
type ear struct {
	conn  *pgx.Conn
	under chan error // of the statement that goes on; nil: none does
	lost  bool
}

// listening comes back when somebody's commit waits, or after a second. Each look is a
// transaction of its own, so that it holds nothing back. It is told in seconds what the longest
// pause between two looks is, and how long ago a commit was held when it begins: a pause is a quarter
// of that time, so that a commit waits for us in proportion to what came before it, and 4 ms at least.
const listening = `DO $listening$
DECLARE
	began timestamptz := clock_timestamp();
	until timestamptz := began + interval '1 second';
BEGIN
	LOOP
		EXIT WHEN EXISTS (SELECT FROM pg_stat_get_backend_idset() one WHERE pg_stat_get_backend_wait_event(one) = 'SyncRep') OR clock_timestamp() > until;
		PERFORM pg_sleep(greatest(0.004, least(%g, (%g + extract(epoch FROM clock_timestamp() - began)) / 4)));
		COMMIT;
	END LOOP;
END $listening$`

// longest is the pause between two looks while no commit is held for long.
const longest = 20 * time.Millisecond

func openEar(ctx context.Context, address string) (*ear, error) {
	conn, err := dial(ctx, address, "understudy gate ear", "local")
	if err != nil {
		return nil, err
	}
	return &ear{conn: conn}, nil
}

// listen tells once that a commit may be held, or that the ear has been lost; the last was held so
// long ago. Whoever takes that hands it to heard; until then the same listening goes on.
func (e *ear) listen(ctx context.Context, since time.Duration) <-chan error {
	if e.under == nil {
		done := make(chan error, 1)
		e.under = done
		go func() {
			_, err := e.conn.PgConn().Exec(ctx, fmt.Sprintf(listening, longest.Seconds(), since.Seconds())).ReadAll()
			done <- err
		}()
	}
	return e.under
}

func (e *ear) heard(err error) { e.under, e.lost = nil, e.lost || err != nil }

// deaf tells that nobody would notice a commit that is held.
func (e *ear) deaf() bool { return e.lost }

// close ends the session, and what it listens to.
func (e *ear) close(ctx context.Context) {
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if e.under != nil {
		_ = e.conn.PgConn().CancelRequest(ending) // it ends within a second
		<-e.under
	}
	_ = e.conn.Close(ending) // the server ends the session either way
}
