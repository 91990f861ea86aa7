package cluster

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// Rename gives a database another name, and ends its sessions. One that has the new name
// already is done.
func (c *Cluster) Rename(ctx context.Context, from, to string) error {
	err := c.asAdmin(ctx, superuser, func(conn *pgx.Conn) error {
		var done bool
		if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1) AND NOT EXISTS (SELECT FROM pg_database WHERE datname = $2)", to, from).Scan(&done); err != nil || done {
			return err
		}
		return c.undisturbed(ctx, from, func() error {
			_, err := conn.Exec(ctx, "ALTER DATABASE "+quoteName(from)+" RENAME TO "+quoteName(to))
			return err
		})
	})
	if err != nil {
		return c.failed(err, "giving database %s the name %s", from, to)
	}
	return nil
}
