package daemon

import (
	"context"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/postgres/logical"
	"understudy/internal/twin"
)

// takeRoles makes the roles of a twin whose snapshot is used again what production's are now:
// they belong to the server, so that neither a clone nor what is followed brings them.
func (d *Daemon) takeRoles(ctx context.Context, want twin.Want, snapshot understudy.Snapshot, tell func(string)) error {
	if len(snapshot.Databases) == 0 {
		return nil
	}
	source, _, err := d.environment(want.Of)
	if err != nil {
		return err
	}
	release, databases, err := d.running(ctx, source)
	if err != nil {
		return err
	}
	server, err := d.twinServer(ctx, want.On)
	if err != nil {
		return err
	}
	for name, physical := range databases {
		err := d.reading(ctx, source, release.Application, name, physical, func(conn *pgx.Conn) error {
			return logical.Roles(ctx, conn, server.AdminURL("postgres"), tell)
		})
		if err != nil {
			return err
		}
	}
	return nil
}
