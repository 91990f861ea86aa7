package daemon

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"time"

	"understudy"
	"understudy/internal/alone"
	"understudy/internal/config"
	"understudy/internal/mask"
	"understudy/internal/maskprogram"
	"understudy/internal/postgres/cluster"
	"understudy/internal/postgres/logical"
	"understudy/internal/postgres/proof"
)

// copier makes golden copies on a twin's server.
type copier struct{ d *Daemon }

// golden is the name of a database's golden copy.
func golden(database, snapshot string) string { return database + "_golden_" + snapshot }

// Rules is the digest of the masks and, where a twin takes parts of databases only, of
// which parts.
func (c copier) Rules(on string) (understudy.Digest, error) {
	twin, p, err := c.d.environment(on)
	if err != nil {
		return "", err
	}
	policy, err := mask.Load(p.Mask)
	if err != nil || len(twin.Copying.Subsets) == 0 {
		return policy.Digest(), err
	}
	return understudy.DigestOfValue([]any{policy.Digest(), twin.Copying.Subsets})
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
	twin, _, err := c.d.environment(to)
	if err != nil {
		return nil, time.Time{}, err
	}
	policy, err := mask.Load(p.Mask)
	if err != nil {
		return nil, time.Time{}, err
	}
	at := time.Now().UTC()
	if err := c.copyVolumes(ctx, source, twin, release.Application, snapshot, tell); err != nil {
		return nil, at, err
	}
	if len(databases) == 0 {
		return nil, at, nil
	}
	if limit := twin.Copying.Deadline; limit > 0 {
		limited, cancel := context.WithTimeoutCause(ctx, limit, understudy.Errorf(understudy.KindUnavailable, "the copy took longer than copy: deadline: %s", limit))
		defer cancel()
		ctx = limited
	}
	place, err := c.prepare(ctx, source, twin, release, databases)
	if err != nil {
		return nil, at, err
	}
	order := copyOrder{to, source, release.Application, databases, snapshot, place, twin.Copying, policy.Accepted, alone.Groups(policy), policy.Masks(c.d.maskKey, mask.WithProgram(maskprogram.Runner{}.Run))}
	copies, err := c.copyInto(ctx, order, tell)
	if err != nil {
		return nil, at, errors.Join(err, place.next.Remove(context.WithoutCancel(ctx)))
	}
	return copies, at, c.open(ctx, place)
}

// copyInto makes the copy, and sees to what follows production: the copy before is not
// followed any longer, and this one will be if that is asked for and it becomes whole.
func (c copier) copyInto(ctx context.Context, o copyOrder, tell func(string)) ([]understudy.DatabaseCopy, error) {
	if !o.copying.Follow {
		if err := c.d.endFollowing(ctx, o.twin, "copy: follow: is no longer asked for"); err != nil {
			return nil, err
		}
		return c.copyAll(ctx, o, tell)
	}
	if copies, done, err := c.renew(ctx, o, tell); err != nil || done {
		return copies, err
	}
	if err := c.d.followAnew(ctx, o); err != nil {
		return nil, err
	}
	copies, err := c.copyAll(ctx, o, tell)
	if err != nil {
		err = errors.Join(err, c.d.endFollowing(context.WithoutCancel(ctx), o.twin, "a newer copy was begun, and did not become whole"))
	}
	return copies, err
}

// copyAll copies every database of the application into the next server.
func (c copier) copyAll(ctx context.Context, o copyOrder, tell func(string)) ([]understudy.DatabaseCopy, error) {
	if o.copying.Method == understudy.CopyPhysical {
		return c.copyByFiles(ctx, o, tell)
	}
	if err := o.place.next.StartForLoading(ctx); err != nil {
		return nil, err
	}
	var copies []understudy.DatabaseCopy
	for _, database := range o.app.Databases {
		made, err := c.copyOne(ctx, o, database, tell)
		if err != nil {
			return nil, err
		}
		copies = append(copies, made)
	}
	return copies, nil
}

type copyOrder struct {
	twin      string
	source    understudy.Environment
	app       understudy.Application
	databases map[string]string // by name, what they are called on production's server
	snapshot  string
	place     place
	copying   understudy.Copying
	accepted  []string      // leaks
	groups    []proof.Group // to count
	masks     understudy.Masks
}

func (c copier) copyOne(ctx context.Context, o copyOrder, database understudy.Database, tell func(string)) (understudy.DatabaseCopy, error) {
	spec, err := c.ordered(ctx, o, database, tell)
	if err != nil {
		return understudy.DatabaseCopy{}, err
	}
	if part, some := o.copying.Subsets[database.Name]; some {
		end, err := narrow(ctx, part, c.d.maskKey, &spec)
		if err != nil {
			return understudy.DatabaseCopy{}, err
		}
		defer end()
	}
	if o.copying.Follow {
		return c.copyFollowed(ctx, o, database.Name, spec)
	}
	return c.copyProven(ctx, o, database.Name, spec)
}

// ordered makes the empty golden database, and says how it is filled.
func (c copier) ordered(ctx context.Context, o copyOrder, database understudy.Database, tell func(string)) (logical.Spec, error) {
	from, err := c.reads(ctx, o, database.Name)
	if err != nil {
		return logical.Spec{}, err
	}
	next, into := o.place.next, golden(database.Name, o.snapshot)
	if err := next.EnsureRole(ctx, cluster.Role{Name: database.Role, Login: true, Inherit: true}); err != nil {
		return logical.Spec{}, err
	}
	if _, err := next.EnsureDatabase(ctx, into, database.Role, nil); err != nil {
		return logical.Spec{}, err
	}
	how := o.copying
	last := time.Time{}
	return logical.Spec{
		Source: from, Target: next.AdminURL(into), Bin: o.place.bin, Masks: o.masks, Parallel: how.Parallel, Samples: 400, Notice: tell,
		Gentle: logical.Gentle{Rate: how.Rate, MaxLoad: how.MaxLoad, MaxHold: how.Hold},
		Progress: func(p logical.Progress) {
			if time.Since(last) > time.Second {
				last = time.Now()
				tell("copying " + database.Name + ": " + p.String())
			}
		},
	}, nil
}

// reads is where a database is copied from: its standby, where it has one. What is
// followed is the primary.
func (c copier) reads(ctx context.Context, o copyOrder, database string) (string, error) {
	if standby := o.source.Databases[database].Replica; standby != "" && !o.copying.Follow {
		return config.Secret(ctx, standby)
	}
	return c.d.source(ctx, o.source, o.app, database, o.databases[database])
}

// Whole tells whether every golden copy of a snapshot is there.
func (c copier) Whole(ctx context.Context, on string, snapshot understudy.Snapshot) (bool, error) {
	if whole, err := c.volumesWhole(ctx, on, snapshot); err != nil || !whole {
		return false, err
	}
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
	if err := os.RemoveAll(c.d.goldenVolumes(on, snapshot)); err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "removing copies of volumes: %w", err)
	}
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
	if err == nil {
		out, err = s.d.withFollowing(ctx, on, out)
	}
	return out, err == nil, err
}

func (s shelf) Put(ctx context.Context, on string, snapshot understudy.Snapshot) error {
	if err := s.d.writeProof(s.d.proofPage(on), snapshot); err != nil {
		return err
	}
	return s.d.store.Put(context.WithoutCancel(ctx), kindSnapshot, on, snapshot)
}
