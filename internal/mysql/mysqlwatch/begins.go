package mysqlwatch

import (
	"context"
	"time"

	"understudy/internal/mysql"
)

// Begins returns true once the migration runs a statement, as an observation writes it. It
// looks every 10 ms until the context ends.
func Begins(ctx context.Context, spec Spec, statement string) (bool, error) {
	conn, err := mysql.Dial(ctx, spec.URL)
	if err != nil {
		return false, err
	}
	defer conn.Close()
	for {
		running, err := conn.Texts(ctx, "looking what a migration runs", `SELECT INFO FROM information_schema.PROCESSLIST
			WHERE DB = ? AND USER = ? AND ID <> CONNECTION_ID() AND INFO IS NOT NULL`, conn.Database, spec.User)
		if err != nil {
			return false, err
		}
		for _, row := range running {
			if withoutLiterals(row[0]) == statement {
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
