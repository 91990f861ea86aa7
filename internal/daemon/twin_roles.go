package daemon

import (
	"context"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/postgres/logical"
	"understudy/internal/twin"
)

// takeRoles makes the roles of a twin whose snapshot is used again what production's are now:
// they belong to the server, so that neither a clone nor what is followed brings them. Older copies may still grant what reaches the server's files.
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
	var rosters []logical.Roster
	for _, name := range slices.Sorted(maps.Keys(databases)) {
		err := d.reading(ctx, source, release.Application, name, databases[name], func(conn *pgx.Conn) error {
			roster, err := logical.ReadRoster(ctx, conn)
			rosters = append(rosters, roster)
			return err
		})
		if err != nil {
			return err
		}
	}
	if err := logical.TakeRoles(ctx, server.AdminURL("postgres"), rosters, rolesOf(release.Application), tell); err != nil {
		return err
	}
	return server.ConfineFunctions(ctx)
}
