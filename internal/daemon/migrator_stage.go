package daemon

import (
	"cmp"
	"context"
	"encoding/json"
	"strings"

	"understudy"
	"understudy/internal/migration"
	"understudy/internal/rehearsal"
)

func (s *stage) migrator(on rehearsal.Copy) migrator {
	return migrator{d: s.d, env: s.env, release: s.candidate, databases: s.physical(on), policy: s.policy, name: "migration-" + string(on)}
}

func (s *stage) Up(ctx context.Context, on rehearsal.Copy) (rehearsal.Migrated, error) {
	return s.migrate(ctx, on, "up", s.migrator(on).declared().Up)
}

func (s *stage) Down(ctx context.Context, on rehearsal.Copy) (rehearsal.Migrated, error) {
	return s.migrate(ctx, on, "down", s.migrator(on).declared().Down)
}

func (s *stage) migrate(ctx context.Context, on rehearsal.Copy, way string, args []string) (rehearsal.Migrated, error) {
	ran, err := s.migrator(on).run(ctx, args)
	if err != nil {
		return rehearsal.Migrated{}, err
	}
	out := rehearsal.Migrated{OK: ran.OK(), Began: ran.Started, Took: ran.Took, Said: migration.LastLines(ran.Output, 3), Seen: ran.Observation}
	if ran.Hung {
		out.Said = "it did not end in time"
	}
	for _, b := range ran.Observation.Waits {
		out.Blocked = max(out.Blocked, b.For)
	}
	out.Findings = migration.Judge(ran, s.budget())
	out.Figures = migrationFigures(ran)
	out.Evidence, err = s.keepRun(way, ran)
	for i := range out.Findings {
		out.Findings[i].Evidence = out.Evidence
	}
	return out, err
}

func (s *stage) budget() migration.Budget {
	return migration.Budget{
		BlockedFor: s.policy.BlockedFor, LockTimeout: s.policy.LockTimeout, Timeout: cmp.Or(s.migrator(rehearsal.Work).declared().Timeout, understudy.DefaultMigrationTimeout),
	}
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
