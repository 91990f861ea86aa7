package laboratory

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"strings"
	"time"

	"understudy"
	"understudy/internal/migration"
	"understudy/internal/rehearsal"
)

// Laboratory plays rehearsal.Migrator. All fields are set before the first use; those that
// say so may be left out.
type Laboratory struct {
	Declared understudy.Migration
	// Boots tells that the command is the start of a service.
	Boots  bool
	Policy understudy.Policy
	Ledger rehearsal.Ledger
	// Examiner names rows; nil: nobody does.
	Examiner rehearsal.Examiner
	Engine   Engine
	// Enter opens a place to run the team's commands in, on one copy.
	Enter func(ctx context.Context, on rehearsal.Copy) (Place, error)
	Keep  func(name string, content io.Reader) (understudy.Evidence, error)
	// Outlook is asked before each watched run for what only the caller knows, as
	// production's sizes; nil: nothing is known but the policy.
	Outlook func(ctx context.Context, on rehearsal.Copy, way Way) (Outlook, error)

	calm *migration.Undisturbed // of all experiments, as they hold data against the same runs
}

// Outlook is what is known around a watched run. Conclude, where there is one, adds to what
// the run came to.
type Outlook struct {
	Twin, Production map[string]migration.Size
	Conclude         func(ctx context.Context, ran migration.Ran, budget migration.Budget, done *rehearsal.Migrated) error
}

// Way is the direction of a run.
type Way string

// The directions.
const (
	Up   Way = "up"
	Down Way = "down"
	// Contract goes forward too: it takes away what only the old release needs.
	Contract Way = "contract"
)

// Place is where the team's commands are run, on one copy.
type Place interface {
	migration.Commander
	// Status is what the team's status command says of the copy; empty: not known.
	Status(ctx context.Context) string
	Close(ctx context.Context)
}

// Prober is a migration.Prober whose sessions can be ended.
type Prober interface {
	migration.Prober
	Close(ctx context.Context)
}

// Engine is what only one database engine knows how to do.
type Engine interface {
	Watcher(on rehearsal.Copy) migration.Watcher
	// Prober plays other sessions of the side copy, from its first call on until it is closed;
	// nil where the engine has none that queue behind a waiting lock.
	Prober() Prober
	// Still returns once the migration has no session on the side copy any more.
	Still(ctx context.Context, patience time.Duration) (ended int, err error)
	// Begins returns true once the migration runs a statement on the side copy, in the words of
	// an observation, and false where the engine does not show that.
	Begins(ctx context.Context, statement string) (bool, error)
	// LockTimedOut knows the engine's words for a lock that was not to be had.
	LockTimedOut(output string) bool
}

// Up brings a copy forward, watched.
func (l *Laboratory) Up(ctx context.Context, on rehearsal.Copy) (rehearsal.Migrated, error) {
	return l.run(ctx, on, Up, l.Declared.Up)
}

// Down takes a copy back, watched.
func (l *Laboratory) Down(ctx context.Context, on rehearsal.Copy) (rehearsal.Migrated, error) {
	return l.run(ctx, on, Down, l.Declared.Down)
}

// Contract takes away what only the old release needs, watched.
func (l *Laboratory) Contract(ctx context.Context, on rehearsal.Copy) (rehearsal.Migrated, error) {
	return l.run(ctx, on, Contract, l.Declared.Contract)
}

func (l *Laboratory) run(ctx context.Context, on rehearsal.Copy, way Way, args []string) (done rehearsal.Migrated, err error) {
	var outlook Outlook
	if l.Outlook != nil {
		if outlook, err = l.Outlook(ctx, on, way); err != nil {
			return done, err
		}
	}
	place, err := l.Enter(ctx, on)
	if err != nil {
		return done, err
	}
	defer place.Close(ctx)
	ran, err := migration.Run(ctx, place, l.Engine.Watcher(on), l.options(args))
	if err != nil {
		return done, err
	}
	if !ran.OK() {
		ran.Left = place.Status(ctx)
	}
	budget := l.budget()
	budget.Twin, budget.Production = outlook.Twin, outlook.Production
	done = told(ran, budget)
	if done.Evidence, err = l.keepRun(way, ran); err != nil {
		return done, err
	}
	if outlook.Conclude != nil {
		err = outlook.Conclude(ctx, ran, budget, &done)
	}
	for i := range done.Findings {
		done.Findings[i].Evidence = done.Evidence
	}
	return done, err
}

// options are the same wherever a command is run.
func (l *Laboratory) options(args []string) migration.Options {
	return migration.Options{
		Args: args, Timeout: l.Declared.Timeout, LockTimeout: l.Policy.LockTimeout, Tries: l.Policy.Retries,
		LockTimedOut: l.Engine.LockTimedOut, Pause: migration.Pause,
	}
}

// told puts a run into the words of a rehearsal.
func told(ran migration.Ran, budget migration.Budget) rehearsal.Migrated {
	done := rehearsal.Migrated{OK: ran.OK(), Began: ran.Started, Took: ran.Took, Said: migration.LastLines(ran.Output, 3), Seen: ran.Observation}
	if ran.Hung {
		done.Said = "it did not end in time"
	}
	for _, seen := range ran.Observation.Everywhere() {
		for _, b := range seen.Waits {
			done.Blocked = max(done.Blocked, b.For)
		}
	}
	done.Findings, done.Figures = migration.Judge(ran, budget), figures(ran.Observation)
	return done
}

func figures(seen understudy.Observation) []understudy.Figure {
	const basis = "on the twin, everybody's writing included"
	var more int64
	for _, there := range seen.Everywhere() {
		more += max(0, there.BytesPeak-there.BytesBefore)
	}
	return []understudy.Figure{
		{Name: "log written", Value: float64(seen.LogBytes), Unit: "B", Basis: basis},
		{Name: "disk, more at the peak than before", Value: float64(more), Unit: "B", Basis: basis},
	}
}

func (l *Laboratory) keepRun(way Way, ran migration.Ran) ([]understudy.Evidence, error) {
	observed, err := l.keepJSON("migration-"+string(way)+"-observed.json", ran.Observation)
	if err != nil {
		return nil, err
	}
	output, err := l.Keep("migration-"+string(way)+"-output.txt", strings.NewReader(ran.Output))
	return []understudy.Evidence{observed, output}, err
}

func (l *Laboratory) keepJSON(name string, seen any) (understudy.Evidence, error) {
	raw, err := json.MarshalIndent(seen, "", "  ")
	if err != nil {
		return understudy.Evidence{}, err
	}
	return l.Keep(name, strings.NewReader(string(raw)))
}

// budget is what the policy allows a migration to cost.
func (l *Laboratory) budget() migration.Budget {
	return migration.Budget{
		BlockedFor: l.Policy.BlockedFor, LockTimeout: l.Policy.LockTimeout, Timeout: cmp.Or(l.Declared.Timeout, understudy.DefaultMigrationTimeout),
	}
}

// Expected adds to what a run came to what it lets expect of production, by its sizes.
func Expected(ran migration.Ran, budget migration.Budget, done *rehearsal.Migrated) []migration.Estimate {
	estimates := migration.Estimates(ran, budget)
	done.Figures = append(done.Figures, migration.Figures(estimates)...)
	if ran.OK() {
		expected := migration.Expect(ran, budget)
		done.Expected = &expected
		done.Figures = append(done.Figures, understudy.Figure{Name: "migration in production, at most", Value: expected.High.Seconds(), Unit: "s", Basis: expected.Range() + "; " + expected.Basis})
	}
	return estimates
}
