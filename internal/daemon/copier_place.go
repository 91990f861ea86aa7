package daemon

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/postgres"
	"understudy/internal/postgres/cluster"
	"understudy/internal/postgres/physical"
)

// place is where a copy is made: a server of its own beside the one that the twin uses,
// which stays as it is until the copy is whole.
type place struct {
	next, current *cluster.Cluster
	bin           string // the programs of production's version
}

// prepare describes the two servers, and removes what a crash left of the next one.
func (c copier) prepare(ctx context.Context, source, twin understudy.Environment, release understudy.Release, databases map[string]string) (place, error) {
	major, err := c.major(ctx, source, release.Application, databases)
	if err != nil {
		return place{}, err
	}
	bin, found, err := binaries(major)
	if err != nil {
		return place{}, err
	}
	spec, err := c.d.serverSpec(withSettingsOf(twin, source), release.Application, found)
	if err != nil {
		return place{}, err
	}
	p := place{current: cluster.New(spec), next: c.d.nextServer(twin.Name, spec), bin: bin}
	return p, c.d.clearNext(ctx, twin.Name)
}

// clearNext removes what a crash left of a twin's next copy, unmasked files of a copy by
// files among it.
func (d *Daemon) clearNext(ctx context.Context, twin string) error {
	err := physical.Clear(ctx, d.options.State.Below("databases.next", twin))
	return errors.Join(err, d.nextServer(twin, cluster.Spec{}).Remove(ctx))
}

// clearAllNext does so for every twin when the daemon begins: no copy outlives it. What
// cannot be removed is said, and keeps nothing from running.
func (d *Daemon) clearAllNext(ctx context.Context) {
	const making = ".making"
	left, err := filepath.Glob(d.options.State.Below("databases.next", "*"+making))
	for _, path := range left {
		err = errors.Join(err, d.clearNext(ctx, strings.TrimSuffix(filepath.Base(path), making)))
	}
	if err != nil {
		d.notes.set("copies", "a copy by files that was killed could not be removed, and may hold unmasked data: "+err.Error())
	}
}

// nextServer is the server that a twin's next copy is made in. Nobody reaches it but
// through its socket.
func (d *Daemon) nextServer(twin string, spec cluster.Spec) *cluster.Cluster {
	spec.Dir = d.options.State.Below("databases.next", twin)
	spec.SocketDir, spec.Log, spec.Port = d.options.State.ServerSocket(twin+"+"), spec.Dir+".log", 0
	return cluster.New(spec)
}

// open puts a whole copy in the place of the one before, and starts it.
func (c copier) open(ctx context.Context, p place) error {
	if err := p.next.Seal(ctx); err != nil {
		return err
	}
	if err := p.current.Replace(ctx, p.next); err != nil {
		return err
	}
	if err := p.current.Start(ctx); err != nil {
		return err
	}
	return p.current.ConfineFunctions(ctx)
}

// major is the major version of production's servers.
func (c copier) major(ctx context.Context, source understudy.Environment, app understudy.Application, databases map[string]string) (int, error) {
	major := 0
	for name, physical := range databases {
		err := c.d.reading(ctx, source, app, name, physical, func(conn *pgx.Conn) error {
			version, err := postgres.ServerVersion(ctx, conn)
			if err != nil {
				return err
			}
			_, err = fmt.Sscanf(strings.TrimPrefix(version, "PostgreSQL "), "%d", &major)
			return err
		})
		if err != nil {
			return 0, err
		}
	}
	return major, nil
}

// withSettingsOf gives a twin the server settings of what it is a twin of.
func withSettingsOf(twin, source understudy.Environment) understudy.Environment {
	placements := map[string]understudy.DatabasePlacement{}
	for name, placement := range twin.Databases {
		placements[name] = placement
	}
	for name, placement := range source.Databases {
		own := placements[name]
		if own.Settings == nil {
			own.Settings = placement.Settings
		}
		placements[name] = own
	}
	twin.Databases = placements
	return twin
}

// binaries finds the installation of a major version. A twin on another major version
// would rehearse another server: that is refused.
func binaries(major int) (bin string, found int, err error) {
	all, err := cluster.Installations()
	if err != nil {
		return "", 0, err
	}
	for _, i := range all {
		if i.Major == major {
			return i.Bin, i.Major, nil
		}
	}
	return "", 0, understudy.Errorf(understudy.KindUnavailable, "production runs PostgreSQL %d, and this machine has %d", major, all[0].Major).
		WithHint("install the package postgresql-%d", major)
}
