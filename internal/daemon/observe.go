package daemon

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/postgres"
)

// running is the release that an environment runs, with the names of its databases.
func (d *Daemon) running(ctx context.Context, e understudy.Environment) (understudy.Release, map[string]string, error) {
	if e.External {
		if e.Release == "" {
			return understudy.Release{}, nil, understudy.Errorf(understudy.KindInvalid, "environment %s is external and does not say which release it runs", e.Name).
				WithHint("write release: LABEL below environments.%s, and change it when production changes", e.Name)
		}
		r, err := d.Release(ctx, e.Release)
		return r, physicals(r.Application), err
	}
	now, err := d.standing(ctx, e.Name)
	if err != nil {
		return understudy.Release{}, nil, err
	}
	if now.Serving == "" {
		return understudy.Release{}, nil, understudy.Errorf(understudy.KindNotFound, "%s runs nothing yet", e.Name).
			WithHint("bring it up with a first release: understudy up %s --release LABEL", e.Name)
	}
	record, err := d.loadDeployment(ctx, now.Serving)
	if err != nil {
		return understudy.Release{}, nil, err
	}
	r, err := d.releaseByDigest(ctx, record.Release)
	return r, record.Databases, err
}

// Observe takes the fingerprint of an environment, without changing it.
func (d *Daemon) Observe(ctx context.Context, environment string) (understudy.Fingerprint, error) {
	e, _, err := d.environment(environment)
	if err != nil {
		return understudy.Fingerprint{}, err
	}
	release, databases, err := d.running(ctx, e)
	if err != nil {
		return understudy.Fingerprint{}, err
	}
	f := understudy.Fingerprint{
		Environment: environment, Release: release.Digest, ReleaseLabel: release.Label,
		Schemas: map[string]understudy.Digest{}, Servers: map[string]string{}, ObservedAt: time.Now().UTC(),
	}
	flags, err := d.flagState(ctx, environment)
	if err != nil {
		return f, err
	}
	f.FlagSet = flags.Variants()
	if f.Flags, err = f.FlagSet.Digest(release.Flags); err != nil {
		return f, err
	}
	if err := d.observeConfig(ctx, e, release, &f); err != nil {
		return f, err
	}
	for name, physical := range databases {
		err := d.reading(ctx, e, release.Application, name, physical, func(conn *pgx.Conn) error {
			schema, err := postgres.Inspect(ctx, conn)
			if err != nil {
				return err
			}
			f.Schemas[name] = schema.Digest
			f.Servers[name], err = postgres.ServerVersion(ctx, conn)
			return err
		})
		if err != nil {
			return f, err
		}
	}
	return f, nil
}

// inspect reads the schema of one database.
func (d *Daemon) inspect(ctx context.Context, e understudy.Environment, app understudy.Application, database, physical string) (postgres.Schema, error) {
	var schema postgres.Schema
	err := d.reading(ctx, e, app, database, physical, func(conn *pgx.Conn) error {
		var err error
		schema, err = postgres.Inspect(ctx, conn)
		return err
	})
	return schema, err
}

// reading connects, lets somebody read, and closes the connection.
func (d *Daemon) reading(ctx context.Context, e understudy.Environment, app understudy.Application, database, physical string, read func(*pgx.Conn) error) error {
	conn, err := d.connect(ctx, e, app, database, physical)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // nothing was written on it
	return read(conn)
}
