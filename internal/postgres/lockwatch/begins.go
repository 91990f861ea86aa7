package lockwatch

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"understudy/internal/postgres"
)

// beginsQuery reads what the sessions of clients run now.
const beginsQuery = `SELECT left(query, 8192) FROM pg_stat_activity
WHERE datname = ANY ($1) AND backend_type = 'client backend' AND state = 'active' AND pid <> pg_backend_pid()`

// Begins returns true once a session of one of the databases runs a statement, as an
// observation writes it. It looks every 10 ms until the context ends. The URL is a
// superuser's, for another database.
func Begins(ctx context.Context, url string, databases []string, statement string) (bool, error) {
	conn, err := postgres.OpenReader(ctx, url, "understudy watch")
	if err != nil {
		return false, err
	}
	defer postgres.CloseConn(ctx, conn)
	for {
		running, err := conn.Query(ctx, beginsQuery, databases)
		if err != nil {
			return false, postgres.ReadError("looking what a migration runs", err)
		}
		texts, err := pgx.CollectRows(running, pgx.RowTo[string])
		if err != nil {
			return false, postgres.ReadError("looking what a migration runs", errors.Join(err, context.Cause(ctx)))
		}
		for _, text := range texts {
			if withoutLiterals(text) == statement {
				return true, nil
			}
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return false, context.Cause(ctx)
		}
	}
}
