package daemon

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"understudy"
	"understudy/internal/migration"
	"understudy/internal/postgres/contention"
	"understudy/internal/rehearsal"
)

// Queue runs the candidate's migration behind a long transaction on the side copy.
func (s *stage) Queue(ctx context.Context, trial rehearsal.Trial) (rehearsal.Tried, error) {
	return s.try(ctx, "queue", trial, func(lab migration.Lab) (migration.Tried, error) {
		side := &sideCrowd{s: s}
		defer side.close(ctx)
		return migration.Queue(ctx, lab, side, migration.Rate(trial.Rate))
	})
}

// Interrupt kills it on its way there and runs it again.
func (s *stage) Interrupt(ctx context.Context, trial rehearsal.Trial) (rehearsal.Tried, error) {
	return s.try(ctx, "interrupted", trial, func(lab migration.Lab) (migration.Tried, error) {
		return migration.Interrupt(ctx, lab)
	})
}

// Together starts it twice at once there.
func (s *stage) Together(ctx context.Context, trial rehearsal.Trial) (rehearsal.Tried, error) {
	return s.try(ctx, "together", trial, func(lab migration.Lab) (migration.Tried, error) {
		return migration.Together(ctx, lab)
	})
}

// try makes an experiment in a place of its own, and keeps what was seen.
func (s *stage) try(ctx context.Context, name string, trial rehearsal.Trial, act func(migration.Lab) (migration.Tried, error)) (rehearsal.Tried, error) {
	m := s.migrator(rehearsal.Side)
	command, where, close, err := m.open(ctx)
	if err != nil {
		return rehearsal.Tried{}, err
	}
	defer close(ctx)
	tried, err := act(migration.Lab{
		Commander: command, Bench: bench{s, m, where}, Before: trial.Before, Want: trial.After,
		Options: m.options(m.declared().Up), Budget: s.budget(), Boots: m.boots(),
		First: migration.Ran{Started: trial.First.Began, Took: trial.First.Took, Tries: 1, Observation: trial.First.Seen},
	})
	out := rehearsal.Tried{Findings: tried.Findings, Figures: tried.Figures, Summary: tried.Summary}
	if err != nil || tried.Seen == nil {
		return out, err
	}
	raw, err := json.MarshalIndent(tried.Seen, "", "  ")
	if err != nil {
		return out, err
	}
	kept, err := s.d.evidence.Put("migration-"+name+".json", strings.NewReader(string(raw)))
	out.Evidence = []understudy.Evidence{kept}
	for i := range out.Findings {
		out.Findings[i].Evidence = out.Evidence
	}
	return out, err
}

// bench is the side copy, as an experiment with a migration uses it.
type bench struct {
	s     *stage
	m     migrator
	where func(context.Context) string
}

func (b bench) Fresh(ctx context.Context) error { return b.s.Clone(ctx, rehearsal.Side) }

func (b bench) Schema(ctx context.Context) (json.RawMessage, error) {
	return b.s.Schema(ctx, rehearsal.Side)
}

func (b bench) Compare(before, after json.RawMessage) ([]string, error) {
	changes, _, err := b.s.CompareSchemas(before, after)
	return changes, err
}

func (b bench) Still(ctx context.Context, patience time.Duration) (int, error) {
	server, err := b.s.d.twinServer(ctx, b.s.env.Name)
	if err != nil {
		return 0, err
	}
	return contention.Still(ctx, server.AdminURL("postgres"), slices.Collect(maps.Values(b.m.databases)), patience)
}

func (b bench) Status(ctx context.Context) string { return b.where(ctx) }

// sideCrowd is the other sessions of the side copy's first database, which is the one that
// is watched. It is there from the first call on.
type sideCrowd struct {
	s     *stage
	crowd *contention.Crowd
}

func (c *sideCrowd) Occupy(ctx context.Context, targets []migration.Target) (func(), error) {
	server, err := c.s.d.twinServer(ctx, c.s.env.Name)
	if err != nil {
		return nil, err
	}
	database := c.s.candidate.Application.Databases[0].Name // one without would have locked nothing
	if c.crowd, err = contention.Open(ctx, server.AdminURL(c.s.physical(rehearsal.Side)[database])); err != nil {
		return nil, err
	}
	all := make([]contention.Target, len(targets))
	for i, t := range targets {
		all[i] = contention.Target(t)
	}
	return c.crowd.Occupy(ctx, all)
}

func (c *sideCrowd) Ask(ctx context.Context, target migration.Target) error {
	return c.crowd.Ask(ctx, contention.Target(target))
}

func (c *sideCrowd) Waits(ctx context.Context) (bool, error) { return c.crowd.Waits(ctx) }

func (c *sideCrowd) close(ctx context.Context) {
	if c.crowd != nil {
		c.crowd.Close(ctx)
	}
}
