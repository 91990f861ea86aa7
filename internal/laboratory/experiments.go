package laboratory

import (
	"context"
	"encoding/json"
	"time"

	"understudy"
	"understudy/internal/migration"
	"understudy/internal/rehearsal"
)

// Queue runs the migration behind a long transaction on the side copy. Where the engine has
// nobody to play the others, it says so.
func (l *Laboratory) Queue(ctx context.Context, trial rehearsal.Trial) (rehearsal.Tried, error) {
	return l.try(ctx, "queue", trial, func(lab migration.Lab) (migration.Tried, error) {
		prober := l.Engine.Prober()
		if prober == nil {
			return migration.Tried{Summary: "not tried behind a long transaction: this engine's queues are not played"}, nil
		}
		defer prober.Close(context.WithoutCancel(ctx))
		return migration.Queue(ctx, lab, prober, migration.Rate(trial.Rate))
	})
}

// Interrupt kills it on its way there and runs it again.
func (l *Laboratory) Interrupt(ctx context.Context, trial rehearsal.Trial) (rehearsal.Tried, error) {
	return l.try(ctx, "interrupted", trial, func(lab migration.Lab) (migration.Tried, error) { return migration.Interrupt(ctx, lab) })
}

// Together starts it twice at once there.
func (l *Laboratory) Together(ctx context.Context, trial rehearsal.Trial) (rehearsal.Tried, error) {
	return l.try(ctx, "together", trial, func(lab migration.Lab) (migration.Tried, error) { return migration.Together(ctx, lab) })
}

// try makes an experiment in a place of its own, and keeps what was seen.
func (l *Laboratory) try(ctx context.Context, name string, trial rehearsal.Trial, act func(migration.Lab) (migration.Tried, error)) (rehearsal.Tried, error) {
	place, err := l.Enter(ctx, rehearsal.Side)
	if err != nil {
		return rehearsal.Tried{}, err
	}
	defer place.Close(ctx)
	tried, err := act(migration.Lab{
		Commander: place, Bench: bench{l, place}, Before: trial.Before, Want: trial.After, Options: l.options(l.Declared.Up), Budget: l.budget(), Boots: l.Boots, Begins: l.Engine.Begins, Calm: l.undisturbed(trial.First.Seen),
		First: migration.Ran{Started: trial.First.Began, Took: trial.First.Took, Tries: 1, Observation: trial.First.Seen},
	})
	out := rehearsal.Tried{Findings: tried.Findings, Figures: tried.Figures, Summary: tried.Summary}
	if err != nil || tried.Seen == nil {
		return out, err
	}
	kept, err := l.keepJSON("migration-"+name+".json", tried.Seen)
	out.Evidence = []understudy.Evidence{kept}
	for i := range out.Findings {
		out.Findings[i].Evidence = out.Evidence
	}
	return out, err
}

// bench is the side copy, as an experiment uses it.
type bench struct {
	l     *Laboratory
	place Place
}

// Fresh implements migration.Bench.
func (b bench) Fresh(ctx context.Context) error { return b.l.Ledger.Clone(ctx, rehearsal.Side) }

// Schema implements migration.Bench.
func (b bench) Schema(ctx context.Context) (json.RawMessage, error) {
	return b.l.Ledger.Schema(ctx, rehearsal.Side)
}

// Compare implements migration.Bench.
func (b bench) Compare(before, after json.RawMessage) ([]string, error) {
	changes, _, err := b.l.Ledger.CompareSchemas(before, after)
	return changes, err
}

// Still implements migration.Bench.
func (b bench) Still(ctx context.Context, patience time.Duration) (int, error) {
	return b.l.Engine.Still(ctx, patience)
}

// Status implements migration.Bench.
func (b bench) Status(ctx context.Context) string { return b.place.Status(ctx) }
