package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"understudy"
	"understudy/internal/laboratory"
	"understudy/internal/migration"
	"understudy/internal/postgres/lockwatch"
)

// migrator runs one release's migration on one set of databases, the same way in the
// rehearsal and in the promotion.
type migrator struct {
	d         *Daemon
	env       understudy.Environment
	release   understudy.Release
	databases map[string]string
	policy    understudy.Policy
	name      string // of the place it runs in
}

// declared is the release's own migration; one that declares none brings its schema forward,
// if it does, when its services start.
func (m migrator) declared() understudy.Migration {
	if m.release.Application.Migration == nil {
		return understudy.Migration{}
	}
	return *m.release.Application.Migration
}

func (m migrator) boots() bool { return m.release.Application.Migration == nil }

// open is whoever runs the command. The caller closes it.
func (m migrator) open(ctx context.Context) (run migration.Commander, where func(context.Context) string, close func(context.Context), err error) {
	if m.boots() {
		nowhere := func(context.Context) string { return "" }
		return &booter{m: m}, nowhere, func(context.Context) {}, nil
	}
	place, err := m.d.tools(ctx, m.env, m.release, m.name, m.databases)
	if err != nil {
		return nil, nil, nil, err
	}
	return commander{m, place}, func(ctx context.Context) string { return m.where(ctx, place) }, place.close, nil
}

func (m migrator) run(ctx context.Context, args []string) (migration.Ran, error) {
	return m.runUnder(ctx, args, nil)
}

// runUnder runs a command of the migration, under a guard where there is one.
func (m migrator) runUnder(ctx context.Context, args []string, guard *migration.Guard) (migration.Ran, error) {
	command, where, close, err := m.open(ctx)
	if err != nil {
		return migration.Ran{}, err
	}
	defer close(ctx)
	options := m.options(args)
	var watcher migration.Watcher = m
	if guard != nil {
		guard.Commander, command, watcher, options.Before = command, guard, guard, guard.Before
		options.Pause = func(ctx context.Context, try int) error {
			guard.Tell(fmt.Sprintf("try %d of %d did not get its lock; it is tried again", try, options.Tries))
			return migration.Pause(ctx, try)
		}
	}
	ran, err := migration.Run(ctx, command, watcher, options)
	if surprise := new(migration.Surprise); err == nil && !ran.OK() || errors.As(err, &surprise) {
		ran.Left = where(ctx)
	}
	return ran, err
}

// options are the same wherever a command is run. The start of a service is given no lock
// timeout and no second try, as production gives it none.
func (m migrator) options(args []string) migration.Options {
	if m.boots() {
		return migration.Options{Tries: 1, LockTimedOut: laboratory.LockTimedOut, Pause: migration.Pause}
	}
	return migration.Options{
		Args: args, Timeout: m.declared().Timeout, LockTimeout: m.policy.LockTimeout, Tries: m.policy.Retries,
		LockTimedOut: laboratory.LockTimedOut, Pause: migration.Pause,
	}
}

// where asks the team's status command how far the schema has come; empty where there is
// none, or it does not know either: what failed is worse than that.
func (m migrator) where(ctx context.Context, place *tools) string {
	declared := m.declared()
	if len(declared.Status) == 0 {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	said, err := place.run(ctx, declared.Status, declared.Env, nil)
	if err != nil || said.Status != 0 {
		return ""
	}
	return migration.LastLines(said.Output, 3)
}

// commander runs the team's command with the databases' addresses as the migration's own
// role, under a name that can be told apart, and with the lock timeout in the address.
type commander struct {
	m     migrator
	place *tools
}

func (c commander) RunMigration(ctx context.Context, command migration.Command) (migration.Result, error) {
	app := c.m.release.Application
	more := map[string]string{}
	for _, database := range app.Databases {
		address, err := c.m.address(database, c.place.given[database.Env])
		if err != nil {
			return migration.Result{}, err
		}
		more[database.Env] = lockwatch.Marked(address, command.LockTimeout, c.m.gated())
	}
	return c.place.run(ctx, command.Args, c.m.declared().Env, more)
}

// address is a database's for the migration: as its own role where it declares one.
func (m migrator) address(database understudy.Database, application string) (string, error) {
	role := m.declared().Role
	if role == "" || role == database.Role || !private(m.env) {
		return application, nil
	}
	server, err := m.d.server(m.env, m.release.Application, 0)
	if err != nil {
		return "", err
	}
	return m.d.address(m.env, server, role, m.databases[database.Name])
}

// gated tells whether commits are held to look at their locks: on a twin's own server,
// never in production.
func (m migrator) gated() bool { return m.env.Sealed() && private(m.env) }

// Watch watches the databases of the application; the migration's sessions are told by their
// name, or by their role where it is theirs alone.
func (m migrator) Watch(ctx context.Context) (func(context.Context) (understudy.Observation, error), error) {
	app := m.release.Application
	if len(app.Databases) == 0 || !private(m.env) {
		return func(context.Context) (understudy.Observation, error) {
			return understudy.Observation{Notes: []string{"the database is run by others and was not watched"}}, nil
		}, nil
	}
	server, err := m.d.server(m.env, app, 0)
	if err != nil {
		return nil, err
	}
	watched := m.watched()
	if len(watched) == 0 {
		return nil, understudy.Errorf(understudy.KindNotFound, "watching the databases of %s: %s has none of them", app.Name, m.env.Name)
	}
	spec := lockwatch.Spec{
		AdminURL: server.AdminURL("postgres"), Database: m.databases[watched[0].Name],
		ApplicationName: lockwatch.MigrationName, Gate: m.gated(),
	}
	for _, other := range watched[1:] {
		spec.Others = append(spec.Others, m.databases[other.Name])
	}
	if m.gated() {
		spec.LogFile = server.Log()
	}
	role := m.declared().Role
	if !slices.ContainsFunc(watched, func(d understudy.Database) bool { return d.Role == role }) {
		spec.Role = role
	}
	watch, err := lockwatch.Start(ctx, spec)
	if err != nil {
		return nil, err
	}
	return asDeclared(watch, watched), nil
}

// watched are the databases of the release that there are, in its order: what is seen of the
// first is told under no name.
func (m migrator) watched() []understudy.Database {
	return slices.DeleteFunc(slices.Clone(m.release.Application.Databases), func(d understudy.Database) bool { return m.databases[d.Name] == "" })
}

// called is how findings and expectations call a database.
func (m migrator) called(database string) string { return laboratory.Called(database, m.watched()) }

// asDeclared ends a watch, and calls the databases that it saw by their declared names.
func asDeclared(watch *lockwatch.Watch, watched []understudy.Database) func(context.Context) (understudy.Observation, error) {
	return func(ctx context.Context) (understudy.Observation, error) {
		seen, err := watch.Stop(ctx)
		for i := range seen.Elsewhere {
			seen.Database, seen.Elsewhere[i].Database = watched[0].Name, watched[i+1].Name
		}
		return seen, err
	}
}
