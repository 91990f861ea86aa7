package daemon

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"understudy"
	"understudy/internal/laboratory"
	"understudy/internal/migration"
	"understudy/internal/postgres"
	"understudy/internal/postgres/lockwatch"
	"understudy/internal/promotion"
)

// Migrate brings production's databases forward, under guard.
func (s schema) Migrate(ctx context.Context, environment string, o promotion.Order) (string, error) {
	env, _, err := s.d.environment(environment)
	if err != nil {
		return "", err
	}
	m := migrator{d: s.d, env: env, release: o.Release, databases: physicals(o.Release.Application), policy: o.Policy, name: "migration"}
	command := o.Release.Application.Migration.Up
	if o.Contract {
		command = o.Release.Application.Migration.Contract
	}
	if len(m.watched()) == 0 {
		ran, err := m.run(ctx, command)
		return migrated(ran, o, nil), errors.Join(err, unwell(ran, err))
	}
	before, look, err := m.begun(ctx, o)
	if err != nil {
		return "", err
	}
	defer look.close(ctx)
	guard := &migration.Guard{
		Lookout: look, Patience: o.Policy.QuietWait, Tell: o.Tell,
		Rules: migration.Rules{Expected: o.Expected, Elsewhere: look.elsewhere(), BlockedFor: o.Policy.BlockedFor},
	}
	if err := m.begin(ctx, look, guard, o, before); err != nil {
		return "", err
	}
	ran, err := m.runUnder(ctx, command, guard)
	if wish := new(promotion.GoBack); ctx.Err() != nil && !errors.As(context.Cause(ctx), wish) {
		return "", errors.Join(err, context.Cause(ctx)) // it goes on later
	}
	if err = errors.Join(err, unwell(ran, err)); err != nil {
		ctx := context.WithoutCancel(ctx)
		for _, sentence := range m.left(ctx, look, before.Schemas, ran, err, o).Sentences() {
			o.Tell(sentence)
		}
		before.Failed = time.Now()
		return "", errors.Join(err, m.d.keepBegun(o, before))
	}
	return migrated(ran, o, guard), nil
}

// begin ends what an interrupted run has left on the server, tells what will not be seen, and
// notes last that the migration is run: one that could not be begun was not interrupted.
func (m migrator) begin(ctx context.Context, look lookouts, guard *migration.Guard, o promotion.Order, before begun) error {
	if left, err := look.End(ctx); err != nil || left > 0 {
		return stillThere(left, err)
	}
	blind, err := look.blind(ctx)
	if err != nil {
		return err
	}
	for _, text := range []string{guard.Rules.Unheld(), blind} {
		if text != "" {
			o.Tell(text)
		}
	}
	return m.d.keepBegun(o, before)
}

// stillThere refuses to run a migration beside one that cannot be ended.
func stillThere(left int, err error) error {
	if err == nil {
		err = fmt.Errorf("%d left", left)
	}
	return understudy.Errorf(understudy.KindConflict, "sessions of an earlier run of the migration are still at work on the server, and could not be ended: %w", err).
		WithHint("end the sessions of application %s, then promote again", lockwatch.MigrationName)
}

// unwell is the error of a run that ended, and not well.
func unwell(ran migration.Ran, err error) error {
	switch {
	case err != nil || ran.OK():
		return nil
	case ran.Hung:
		return understudy.Errorf(understudy.KindFailed, "it was ended after %s", ran.Took.Round(time.Millisecond))
	}
	return understudy.Errorf(understudy.KindFailed, "exit status %d after %d tries: %s", ran.Status, ran.Tries, migration.LastLines(ran.Output, 3))
}

// migrated says what a run that went well came to, beside what was expected.
func migrated(ran migration.Ran, o promotion.Order, guard *migration.Guard) string {
	said := fmt.Sprintf("migrated in %s at try %d", ran.Last.Round(time.Millisecond), ran.Tries)
	if o.Expected != nil {
		said += "; expected " + o.Expected.Range()
	}
	if guard == nil {
		return said
	}
	switch locks := guard.Locks(); {
	case len(locks) == 0:
		said += fmt.Sprintf("; no strong lock was seen, looking every %s", ran.Observation.Every)
	case o.Expected != nil:
		said += "; locks as rehearsed: " + strings.Join(locks, ", ")
	default:
		said += "; locks seen: " + strings.Join(locks, ", ")
	}
	for _, note := range ran.Observation.Notes {
		said += "; " + note
	}
	return said
}

// schemas are those of all databases.
func (m migrator) schemas(ctx context.Context) (map[string]postgres.Schema, error) {
	all := map[string]postgres.Schema{}
	for name, physical := range m.databases {
		schema, err := m.d.inspect(ctx, m.env, m.release.Application, name, physical)
		if err != nil {
			return nil, err
		}
		all[name] = schema
	}
	return all, nil
}

// left says what state things are in after a run that did not go through.
func (m migrator) left(ctx context.Context, look lookouts, before map[string]postgres.Schema, ran migration.Ran, why error, o promotion.Order) migration.State {
	state := migration.State{Status: ran.Left, Old: o.Old, OldRunsOnNew: o.OldRunsOnNew}
	var surprise *migration.Surprise
	if errors.As(why, &surprise) {
		state.Statement, state.Left = surprise.Statement, surprise.Left
	}
	after, err := m.schemas(ctx)
	if err != nil {
		state.Unknown = err.Error()
		return state
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		for _, c := range before[name].Diff(after[name]) {
			state.Changes = append(state.Changes, laboratory.DescribeChange(m.called(name), c))
		}
	}
	if state.Invalid, err = look.invalid(ctx); err != nil {
		state.Unknown = err.Error()
	}
	return state
}
