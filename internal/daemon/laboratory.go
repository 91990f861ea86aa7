package daemon

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"understudy/internal/laboratory"
	"understudy/internal/migration"
	"understudy/internal/postgres/contention"
	"understudy/internal/postgres/lockwatch"
	"understudy/internal/rehearsal"
)

// laboratory tries the candidate's migration on the twin's copies.
func (s *stage) laboratory() *laboratory.Laboratory {
	m := s.migrator(rehearsal.Work)
	return &laboratory.Laboratory{
		Declared: m.declared(), Boots: m.boots(), Policy: s.policy, Ledger: s, Examiner: s, Engine: engine{s}, Enter: s.enter, Keep: s.d.evidence.Put, Outlook: s.lookAhead,
	}
}

func (s *stage) migrator(on rehearsal.Copy) migrator {
	return migrator{d: s.d, env: s.env, release: s.candidate, databases: s.physical(on), policy: s.policy, name: "migration-" + string(on)}
}

// called is how findings call a database of the stage.
func (s *stage) called(database string) string { return s.migrator(rehearsal.Work).called(database) }

// enter opens a place for the team's commands on one copy.
func (s *stage) enter(ctx context.Context, on rehearsal.Copy) (laboratory.Place, error) {
	command, where, close, err := s.migrator(on).open(ctx)
	return commanded{command, where, close}, err
}

// commanded is whoever runs the command on one copy.
type commanded struct {
	migration.Commander
	where func(context.Context) string
	close func(context.Context)
}

func (c commanded) Status(ctx context.Context) string { return c.where(ctx) }

func (c commanded) Close(ctx context.Context) { c.close(ctx) }

// engine is the twin's PostgreSQL, as a laboratory needs it.
type engine struct{ s *stage }

func (e engine) Watcher(on rehearsal.Copy) migration.Watcher { return e.s.migrator(on) }

// Prober plays the other sessions of the side copy's databases: an application without one
// would have locked nothing.
func (e engine) Prober() laboratory.Prober {
	server, err := e.s.d.server(e.s.env, e.s.candidate.Application, 0)
	watched := e.s.migrator(rehearsal.Side).watched()
	if err != nil || len(watched) == 0 { // what ran the migration a moment ago is there
		return nil
	}
	return &laboratory.Others{URL: func(database string) string {
		return server.AdminURL(e.s.physical(rehearsal.Side)[cmp.Or(database, watched[0].Name)])
	}}
}

func (e engine) Still(ctx context.Context, patience time.Duration) (int, error) {
	server, err := e.s.d.twinServer(ctx, e.s.env.Name)
	if err != nil {
		return 0, err
	}
	return contention.Still(ctx, server.AdminURL("postgres"), slices.Collect(maps.Values(e.s.physical(rehearsal.Side))), patience)
}

func (e engine) Begins(ctx context.Context, statement string) (bool, error) {
	server, err := e.s.d.twinServer(ctx, e.s.env.Name)
	if err != nil {
		return false, err
	}
	return lockwatch.Begins(ctx, server.AdminURL("postgres"), slices.Collect(maps.Values(e.s.physical(rehearsal.Side))), statement)
}

var _ laboratory.Shifter = engine{}

// Shift implements laboratory.Shifter. What it changes goes with the copy.
func (e engine) Shift(ctx context.Context, on rehearsal.Copy) (back func(context.Context) error, err error) {
	back = func(context.Context) error { return nil }
	server, err := e.s.d.twinServer(ctx, e.s.env.Name)
	if err != nil {
		return back, err
	}
	for _, physical := range e.s.physical(on) {
		if err := contention.Shift(ctx, server.AdminURL(physical)); err != nil {
			return back, err
		}
	}
	return back, nil
}

func (engine) LockTimedOut(output string) bool { return laboratory.LockTimedOut(output) }
