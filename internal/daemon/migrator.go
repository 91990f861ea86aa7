package daemon

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"time"

	"understudy"
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
	command, where, close, err := m.open(ctx)
	if err != nil {
		return migration.Ran{}, err
	}
	defer close(ctx)
	ran, err := migration.Run(ctx, command, m, m.options(args))
	if err == nil && !ran.OK() {
		ran.Left = where(ctx)
	}
	return ran, err
}

// options are the same wherever a command is run. The start of a service is given no lock
// timeout and no second try, as production gives it none.
func (m migrator) options(args []string) migration.Options {
	if m.boots() {
		return migration.Options{Tries: 1, LockTimedOut: lockTimedOut, Pause: pause}
	}
	return migration.Options{
		Args: args, Timeout: m.declared().Timeout, LockTimeout: m.policy.LockTimeout, Tries: m.policy.Retries,
		LockTimedOut: lockTimedOut, Pause: pause,
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

// lockTimedOut knows PostgreSQL's words for a lock that was not to be had, by code and by
// message: not in time, or not at all, as two waited for each other and it was the one to
// give way.
func lockTimedOut(output string) bool {
	for _, words := range []string{"55P03", "due to lock timeout", "40P01", "deadlock detected"} {
		if strings.Contains(output, words) {
			return true
		}
	}
	return false
}

// pause waits a little longer before each try, and never as long as another would.
func pause(ctx context.Context, try int) error {
	base := min(time.Duration(try)*500*time.Millisecond, 5*time.Second)
	return clock{}.Wait(ctx, base+rand.N(base))
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
		more[database.Env] = marked(address, command.LockTimeout, c.m.gated())
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

// marked adds the migration's name, its lock timeout and, where its commits are to be held, the way
// it commits to a connection URL.
func marked(address string, lockTimeout time.Duration, gated bool) string {
	u, err := url.Parse(address)
	if err != nil { // not a URL: left as the team wrote it
		return address
	}
	q := u.Query()
	q.Set("application_name", lockwatch.MigrationName)
	options := q.Get("options")
	if lockTimeout > 0 {
		options += fmt.Sprintf(" -c lock_timeout=%d", lockTimeout.Milliseconds())
	}
	if gated {
		options += " -c synchronous_commit=remote_apply"
	}
	if options != "" {
		q.Set("options", strings.TrimSpace(options))
	}
	u.RawQuery = strings.ReplaceAll(q.Encode(), "+", "%20") // libpq reads a plus sign as itself
	return u.String()
}

// Watch watches the first database of the application; the migration's sessions are told
// by their name, or by their role where it is theirs alone.
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
	spec := lockwatch.Spec{
		AdminURL: server.AdminURL("postgres"), Database: m.databases[app.Databases[0].Name],
		ApplicationName: lockwatch.MigrationName, Gate: m.gated(),
	}
	if m.gated() {
		spec.LogFile = server.Log()
	}
	if role := m.declared().Role; role != "" && role != app.Databases[0].Role {
		spec.Role = role
	}
	watch, err := lockwatch.Start(ctx, spec)
	if err != nil {
		return nil, err
	}
	return watch.Stop, nil
}
