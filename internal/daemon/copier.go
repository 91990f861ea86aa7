package daemon

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/config"
	"understudy/internal/mask"
	"understudy/internal/postgres"
	"understudy/internal/postgres/cluster"
	"understudy/internal/postgres/logical"
)

// copier makes golden copies on a twin's server.
type copier struct{ d *Daemon }

// golden is the name of a database's golden copy.
func golden(database, snapshot string) string { return database + "_golden_" + snapshot }

func (c copier) MaskPolicy() (understudy.Digest, error) {
	p, err := c.d.project()
	if err != nil {
		return "", err
	}
	policy, err := mask.Load(p.Mask)
	return policy.Digest(), err
}

func (c copier) Copy(ctx context.Context, from, to, snapshot string, tell func(string)) ([]understudy.DatabaseCopy, time.Time, error) {
	source, p, err := c.d.environment(from)
	if err != nil {
		return nil, time.Time{}, err
	}
	release, databases, err := c.d.running(ctx, source)
	if err != nil {
		return nil, time.Time{}, err
	}
	policy, err := mask.Load(p.Mask)
	if err != nil {
		return nil, time.Time{}, err
	}
	server, bin, err := c.server(ctx, source, to, release, databases)
	if err != nil {
		return nil, time.Time{}, err
	}
	if err := c.sweep(ctx, to, server); err != nil {
		return nil, time.Time{}, err
	}
	at := time.Now().UTC()
	var copies []understudy.DatabaseCopy
	for _, database := range release.Application.Databases {
		made, err := c.copyOne(ctx, copyOrder{source, release.Application, database, databases[database.Name], golden(database.Name, snapshot), server, bin, policy.Masks(c.d.maskKey)}, tell)
		if err != nil {
			return nil, at, err
		}
		copies = append(copies, made)
	}
	return copies, at, nil
}

// server starts the twin's server, of production's major version where the machine has it.
func (c copier) server(ctx context.Context, source understudy.Environment, to string, release understudy.Release, databases map[string]string) (*cluster.Cluster, string, error) {
	if len(databases) == 0 {
		return nil, "", nil
	}
	twin, _, err := c.d.environment(to)
	if err != nil {
		return nil, "", err
	}
	major := 0
	for name, physical := range databases {
		err := c.d.reading(ctx, source, release.Application, name, physical, func(conn *pgx.Conn) error {
			version, err := postgres.ServerVersion(ctx, conn)
			if err != nil {
				return err
			}
			_, err = fmt.Sscanf(strings.TrimPrefix(version, "PostgreSQL "), "%d", &major)
			return err
		})
		if err != nil {
			return nil, "", err
		}
	}
	bin, found, err := binaries(major)
	if err != nil {
		return nil, "", err
	}
	server, err := c.d.server(withSettingsOf(twin, source), release.Application, found)
	if err != nil {
		return nil, "", err
	}
	return server, bin, server.Start(ctx)
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

type copyOrder struct {
	source   understudy.Environment
	app      understudy.Application
	database understudy.Database
	physical string
	golden   string
	server   *cluster.Cluster
	bin      string
	masks    understudy.Masks
}

func (c copier) copyOne(ctx context.Context, o copyOrder, tell func(string)) (understudy.DatabaseCopy, error) {
	from, err := c.d.source(o.source, o.app, o.database.Name, o.physical)
	if err != nil {
		return understudy.DatabaseCopy{}, err
	}
	if err := o.server.Drop(ctx, o.golden); err != nil {
		return understudy.DatabaseCopy{}, err
	}
	if err := o.server.EnsureRole(ctx, cluster.Role{Name: o.database.Role, Login: true, Inherit: true}); err != nil {
		return understudy.DatabaseCopy{}, err
	}
	if _, err := o.server.EnsureDatabase(ctx, o.golden, o.database.Role, nil); err != nil {
		return understudy.DatabaseCopy{}, err
	}
	last := time.Time{}
	made, err := logical.Copy(ctx, logical.Spec{
		Source: from, Target: o.server.AdminURL(o.golden), Bin: o.bin, Masks: o.masks, Parallel: 2, Samples: 400, Notice: tell,
		Progress: func(p logical.Progress) {
			if time.Since(last) > time.Second {
				last = time.Now()
				tell(fmt.Sprintf("copying %s: %d rows, %d of %d tables", o.database.Name, p.Rows, p.TablesDone, p.Tables))
			}
		},
	})
	made.Database = o.database.Name
	return made, err
}

// Whole tells whether every golden copy of a snapshot is there.
func (c copier) Whole(ctx context.Context, on string, snapshot understudy.Snapshot) (bool, error) {
	if len(snapshot.Databases) == 0 {
		return true, nil
	}
	server, err := c.d.twinServer(ctx, on)
	if err != nil {
		return false, err
	}
	have, err := server.Databases(ctx)
	if err != nil {
		return false, err
	}
	for _, copied := range snapshot.Databases {
		if !slices.Contains(have, golden(copied.Database, snapshot.ID)) {
			return false, nil
		}
	}
	return true, nil
}

// Discard drops the golden copies of a snapshot, and what a crash left of one.
func (c copier) Discard(ctx context.Context, on, snapshot string) error {
	server, err := c.d.twinServer(ctx, on)
	if err != nil {
		return err
	}
	have, err := server.Databases(ctx)
	if err != nil {
		return err
	}
	for _, name := range have {
		if strings.HasSuffix(name, "_golden_"+snapshot) {
			if err := server.Drop(ctx, name); err != nil {
				return err
			}
		}
	}
	return nil
}

// sweep drops golden copies that no record knows of: what a crash between a copy and its
// record left. The latest snapshot's stay until the new one is whole.
func (c copier) sweep(ctx context.Context, on string, server *cluster.Cluster) error {
	if server == nil {
		return nil
	}
	last, _, err := shelf{c.d}.Latest(ctx, on)
	if err != nil {
		return err
	}
	have, err := server.Databases(ctx)
	if err != nil {
		return err
	}
	for _, name := range have {
		if strings.Contains(name, "_golden_") && !strings.HasSuffix(name, "_golden_"+last.ID) {
			if err := server.Drop(ctx, name); err != nil {
				return err
			}
		}
	}
	return nil
}

// twinServer is a twin's database server, started.
func (d *Daemon) twinServer(ctx context.Context, name string) (*cluster.Cluster, error) {
	e, p, err := d.environment(name)
	if err != nil {
		return nil, err
	}
	return d.startServer(ctx, e, p)
}

// startServer is an environment's private database server, started; a twin's with the
// settings of what it is a twin of.
func (d *Daemon) startServer(ctx context.Context, e understudy.Environment, p config.Project) (*cluster.Cluster, error) {
	if e.TwinOf != "" {
		source, err := p.Environment(e.TwinOf)
		if err != nil {
			return nil, err
		}
		e = withSettingsOf(e, source)
	}
	server, err := d.server(e, p.Application, 0)
	if err != nil {
		return nil, err
	}
	return server, server.Start(ctx)
}

// shelf keeps the records of snapshots: one for each twin, its latest.
type shelf struct{ d *Daemon }

func (s shelf) Latest(ctx context.Context, on string) (understudy.Snapshot, bool, error) {
	var out understudy.Snapshot
	err := s.d.store.Get(ctx, kindSnapshot, on, &out)
	if understudy.KindOf(err) == understudy.KindNotFound {
		return out, false, nil
	}
	return out, err == nil, err
}

func (s shelf) Put(ctx context.Context, on string, snapshot understudy.Snapshot) error {
	return s.d.store.Put(context.WithoutCancel(ctx), kindSnapshot, on, snapshot)
}
