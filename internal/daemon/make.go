package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"slices"

	"understudy"
	"understudy/internal/atomicfile"
	"understudy/internal/postgres/cluster"
)

// made says how far each database of an environment's private server has come. It lies
// beside the server's data and not in the store: a store that was put back to an older
// backup must not make us take production's data for something half made.
type made map[string]string

const (
	making = "making" // nobody has used it yet: it may be dropped
	inUse  = "in use" // seeded: it is never dropped
)

func (d *Daemon) madeFile(environment string) string {
	return d.options.State.Below("databases", environment+".made.json")
}

func (d *Daemon) readMade(environment string) (made, error) {
	path := d.madeFile(environment)
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return made{}, nil
	}
	if err != nil {
		return nil, err
	}
	out := made{}
	if err := json.Unmarshal(raw, &out); err != nil {
		return nil, understudy.Errorf(understudy.KindInternal, "reading which databases of %s are in use: %s is damaged: %w", environment, path, err).
			WithHint("see which databases there are, and move the file away: what is there is kept then")
	}
	return out, nil
}

func (d *Daemon) writeMade(environment string, now made) error {
	raw, err := json.MarshalIndent(now, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.Write(d.madeFile(environment), append(raw, '\n'), 0o600)
}

// fresh decides which of the wanted databases are to be made: those that are not there, and
// those that a crash left half made. What is there and nobody knows of is kept: it may be
// production's. What is known and not there is not made anew in silence.
func (m made) fresh(environment string, wanted, there []string) ([]string, error) {
	var out []string
	for _, name := range wanted {
		exists := slices.Contains(there, name)
		switch {
		case m[name] == inUse && !exists:
			return nil, understudy.Errorf(understudy.KindConflict, "database %s of %s was in use and is gone from its server", name, environment).
				WithHint("restore it; to begin with an empty one, take %q out of databases/%s.made.json in the state directory", name, environment)
		case m[name] == making, !exists:
			out = append(out, name)
		}
	}
	return out, nil
}

// with is what is known once some databases have come further.
func (m made) with(far string, names ...string) made {
	out := maps.Clone(m)
	for _, name := range names {
		out[name] = far
	}
	return out
}

// makeDatabases makes the databases of an environment that are not there, brings them
// forward with the release's migration, and seeds them.
func (d *Daemon) makeDatabases(ctx context.Context, e understudy.Environment, release understudy.Release, tell func(string)) error {
	app := release.Application
	if len(app.Databases) == 0 || !private(e) {
		return nil
	}
	tell("starting the database server of " + e.Name)
	c, there, err := d.openServer(ctx, e, app)
	if err != nil {
		return err
	}
	now, err := d.readMade(e.Name)
	if err != nil {
		return err
	}
	fresh, err := now.fresh(e.Name, slices.Sorted(maps.Values(physicals(app))), there)
	if err != nil {
		return err
	}
	if len(fresh) > 0 {
		if err := d.writeMade(e.Name, now.with(making, fresh...)); err != nil {
			return err
		}
		if err := d.makeEmpty(ctx, c, app, fresh, tell); err != nil {
			return err
		}
		if err := d.fill(ctx, e, release, fresh, tell); err != nil {
			return err
		}
	}
	return d.writeMade(e.Name, now.with(inUse, slices.Collect(maps.Values(physicals(app)))...))
}

// openServer starts an environment's server, lets the application's roles in, and lists
// the databases.
func (d *Daemon) openServer(ctx context.Context, e understudy.Environment, app understudy.Application) (*cluster.Cluster, []string, error) {
	c, err := d.server(e, app, 0)
	if err != nil {
		return nil, nil, err
	}
	if err := c.Start(ctx); err != nil {
		return nil, nil, err
	}
	if err := d.roles(ctx, c, e, app); err != nil {
		return nil, nil, err
	}
	there, err := c.Databases(ctx)
	return c, there, err
}

// makeEmpty makes databases anew.
func (d *Daemon) makeEmpty(ctx context.Context, c *cluster.Cluster, app understudy.Application, fresh []string, tell func(string)) error {
	for _, database := range app.Databases {
		name := onServer(database)
		if !slices.Contains(fresh, name) {
			continue
		}
		if err := c.Drop(ctx, name); err != nil {
			return err
		}
		tell("making database " + name)
		if _, err := c.EnsureDatabase(ctx, name, database.Role, database.Extensions); err != nil {
			return err
		}
	}
	return nil
}

// fill brings the schema to a release and seeds the databases that are new.
func (d *Daemon) fill(ctx context.Context, e understudy.Environment, release understudy.Release, fresh []string, tell func(string)) error {
	tools, err := d.tools(ctx, e, release, "fill", physicals(release.Application))
	if err != nil {
		return err
	}
	defer tools.close(ctx)
	if m := release.Application.Migration; m != nil {
		tell("bringing the schema to release " + release.Label)
		if err := tools.must(ctx, "migration", m.Up, m.Env); err != nil {
			return err
		}
	}
	for _, database := range release.Application.Databases {
		seed := e.Databases[database.Name].Seed
		if len(seed) > 0 && slices.Contains(fresh, onServer(database)) {
			tell("seeding database " + database.Name)
			if err := tools.must(ctx, "seed", seed, nil); err != nil {
				return err
			}
		}
	}
	return nil
}
