package daemon

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"time"

	"understudy"
	"understudy/internal/migration"
	"understudy/internal/postgres/lockwatch"
	"understudy/internal/rehearsal"
)

// migrationName is what a migration's sessions are known by at the server.
const migrationName = "understudy-migration"

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

func (m migrator) run(ctx context.Context, args []string) (migration.Ran, error) {
	return m.runUnder(ctx, args, nil)
}

// runUnder runs a command of the migration, under a guard where there is one.
func (m migrator) runUnder(ctx context.Context, args []string, guard *migration.Guard) (migration.Ran, error) {
	place, err := m.d.tools(ctx, m.env, m.release, m.name, m.databases)
	if err != nil {
		return migration.Ran{}, err
	}
	defer place.close(ctx)
	declared := m.release.Application.Migration
	options := migration.Options{
		Args: args, Timeout: declared.Timeout, LockTimeout: m.policy.LockTimeout, Tries: m.policy.Retries,
		LockTimedOut: lockTimedOut, Pause: pause,
	}
	var by migration.Commander = commander{m, place}
	var watcher migration.Watcher = m
	if guard != nil {
		guard.Commander, by, watcher, options.Before = by, guard, guard, guard.Before
		options.Pause = func(ctx context.Context, try int) error {
			guard.Tell(fmt.Sprintf("try %d of %d did not get its lock; it is tried again", try, options.Tries))
			return pause(ctx, try)
		}
	}
	ran, err := migration.Run(ctx, by, watcher, options)
	if surprise := new(migration.Surprise); err == nil && !ran.OK() || errors.As(err, &surprise) {
		ran.Left = m.where(ctx, place)
	}
	return ran, err
}

// where asks the team's status command how far the schema has come; empty where there is
// none, or it does not know either: what failed is worse than that.
func (m migrator) where(ctx context.Context, place *tools) string {
	declared := m.release.Application.Migration
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
		more[database.Env] = marked(address, command.LockTimeout)
	}
	return c.place.run(ctx, command.Args, app.Migration.Env, more)
}

// address is a database's for the migration: as its own role where it declares one.
func (m migrator) address(database understudy.Database, application string) (string, error) {
	role := m.release.Application.Migration.Role
	if role == "" || role == database.Role || !private(m.env) {
		return application, nil
	}
	server, err := m.d.server(m.env, m.release.Application, 0)
	if err != nil {
		return "", err
	}
	return m.d.address(m.env, server, role, m.databases[database.Name])
}

// marked adds the migration's name and its lock timeout to a connection URL.
func marked(address string, lockTimeout time.Duration) string {
	u, err := url.Parse(address)
	if err != nil { // not a URL: left as the team wrote it
		return address
	}
	q := u.Query()
	q.Set("application_name", migrationName)
	if lockTimeout > 0 {
		options := strings.TrimSpace(q.Get("options") + fmt.Sprintf(" -c lock_timeout=%d", lockTimeout.Milliseconds()))
		q.Set("options", options)
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
		ApplicationName: migrationName, Every: 10 * time.Millisecond,
	}
	if role := app.Migration.Role; role != "" && role != app.Databases[0].Role {
		spec.Role = role
	}
	watch, err := lockwatch.Start(ctx, spec)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (understudy.Observation, error) {
		seen, err := watch.Stop(ctx)
		return observation(seen, spec.Every), err
	}, nil
}

// observation puts what a PostgreSQL server showed into the words of migrations.
func observation(seen lockwatch.Observation, every time.Duration) understudy.Observation {
	out := understudy.Observation{
		LogBytes: seen.WAL, BytesBefore: seen.BytesBefore, BytesPeak: seen.BytesPeak, BytesAfter: seen.BytesAfter,
		Every: max(every, seen.Gap), Exact: understudy.Exactness{Exclusive: seen.WALRead}, Notes: seen.Notes,
	}
	sampled := map[string]bool{}
	for _, l := range seen.Locks {
		sampled[l.Relation] = true
		out.Locks = append(out.Locks, understudy.ObservedLock{Relation: l.Relation, Kind: l.Kind, New: l.New, Mode: l.Mode, Held: l.Held, Waited: l.Waited})
	}
	for _, relation := range seen.ExclusiveByWAL {
		if !sampled[relation] {
			out.Locks = append(out.Locks, understudy.ObservedLock{Relation: relation, Kind: "table", Mode: "AccessExclusiveLock", SeenBy: []understudy.ObservedBy{understudy.ByLog}})
		}
	}
	for _, r := range seen.Rewritten {
		out.Tables = append(out.Tables, understudy.TableChange{Relation: r.Relation, Rewritten: true, Bytes: r.Bytes, Rows: r.Rows})
	}
	for _, name := range seen.InvalidIndexes {
		out.Indexes = append(out.Indexes, understudy.IndexChange{Name: name, Invalid: true})
	}
	for _, column := range seen.LostStatistics {
		dot := strings.LastIndex(column, ".")
		out.Tables = append(out.Tables, understudy.TableChange{Relation: column[:dot], Columns: []understudy.ColumnChange{{Name: column[dot+1:], LostStatistics: true}}})
	}
	for _, b := range seen.Blocked {
		out.Waits = append(out.Waits, understudy.ObservedWait{
			Who: b.Role + " " + b.Application, Relation: b.Relation, Wanted: b.Mode, Statement: b.Statement, By: b.By, For: b.Longest, Times: b.Times,
		})
	}
	return out
}

func (s *stage) migrator(on rehearsal.Copy) migrator {
	return migrator{d: s.d, env: s.env, release: s.candidate, databases: s.physical(on), policy: s.policy, name: "migration-" + string(on)}
}

func (s *stage) Up(ctx context.Context, on rehearsal.Copy) (rehearsal.Migrated, error) {
	return s.migrate(ctx, on, "up", s.candidate.Application.Migration.Up)
}

func (s *stage) Down(ctx context.Context, on rehearsal.Copy) (rehearsal.Migrated, error) {
	return s.migrate(ctx, on, "down", s.candidate.Application.Migration.Down)
}

func (s *stage) migrate(ctx context.Context, on rehearsal.Copy, way string, args []string) (rehearsal.Migrated, error) {
	before := s.outlook(ctx, on, way)
	ran, err := s.migrator(on).run(ctx, args)
	if err != nil {
		return rehearsal.Migrated{}, err
	}
	out := rehearsal.Migrated{OK: ran.OK(), Took: ran.Took, Said: migration.LastLines(ran.Output, 3)}
	if ran.Hung {
		out.Said = "it did not end in time"
	}
	for _, b := range ran.Observation.Waits {
		out.Blocked = max(out.Blocked, b.For)
	}
	budget := migration.Budget{
		BlockedFor: s.policy.BlockedFor, LockTimeout: s.policy.LockTimeout, Timeout: cmp.Or(s.candidate.Application.Migration.Timeout, understudy.DefaultMigrationTimeout),
		Twin: before.twin, Production: before.production,
	}
	out.Findings = migration.Judge(ran, budget)
	out.Figures = migrationFigures(ran)
	out.Evidence, err = s.keepRun(way, ran)
	if err == nil && way == "up" {
		err = before.conclude(ctx, ran, budget, &out)
	}
	for i := range out.Findings {
		out.Findings[i].Evidence = out.Evidence
	}
	return out, err
}

func migrationFigures(ran migration.Ran) []understudy.Figure {
	o := ran.Observation
	const basis = "on the twin, everybody's writing included"
	return []understudy.Figure{
		{Name: "log written", Value: float64(o.LogBytes), Unit: "B", Basis: basis},
		{Name: "disk, more at the peak than before", Value: float64(max(0, o.BytesPeak-o.BytesBefore)), Unit: "B", Basis: basis},
	}
}

func (s *stage) keepRun(way string, ran migration.Ran) ([]understudy.Evidence, error) {
	raw, err := json.MarshalIndent(ran.Observation, "", "  ")
	if err != nil {
		return nil, err
	}
	observed, err := s.d.evidence.Put("migration-"+way+"-observed.json", strings.NewReader(string(raw)))
	if err != nil {
		return nil, err
	}
	output, err := s.d.evidence.Put("migration-"+way+"-output.txt", strings.NewReader(ran.Output))
	return []understudy.Evidence{observed, output}, err
}
