package alone

import (
	"context"
	"encoding/json"
	"time"

	"understudy"
	"understudy/internal/laboratory"
	"understudy/internal/postgres"
	"understudy/internal/postgres/contention"
	"understudy/internal/postgres/lockwatch"
	"understudy/internal/rehearsal"
)

// Schema implements rehearsal.Ledger.
func (s *postgresStand) Schema(ctx context.Context, of rehearsal.Copy) (json.RawMessage, error) {
	conn, err := s.server.Connect(ctx, s.physical(of))
	if err != nil {
		return nil, err
	}
	defer postgres.CloseConn(ctx, conn)
	schema, err := postgres.Inspect(ctx, conn)
	if err != nil {
		return nil, err
	}
	return json.Marshal(map[string]postgres.Schema{"": schema})
}

// Data implements rehearsal.Ledger.
func (s *postgresStand) Data(ctx context.Context, of rehearsal.Copy) (json.RawMessage, error) {
	data, err := postgres.Print(ctx, s.server.AdminURL(s.physical(of)), 2)
	if err != nil {
		return nil, err
	}
	return json.Marshal(map[string]postgres.DataPrint{"": data})
}

// CompareSchemas implements rehearsal.Ledger.
func (s *postgresStand) CompareSchemas(before, after json.RawMessage) (changes, orders []string, err error) {
	return laboratory.CompareSchemas(before, after)
}

// CompareData implements rehearsal.Ledger.
func (s *postgresStand) CompareData(before, after json.RawMessage) ([]rehearsal.Loss, error) {
	return laboratory.CompareData(before, after)
}

// Rows implements rehearsal.Examiner.
func (s *postgresStand) Rows(ctx context.Context, asked rehearsal.Asked) (rehearsal.Rows, error) {
	rows, err := postgres.DifferRows(ctx, s.server.AdminURL(s.physical(asked.Was)), s.server.AdminURL(s.physical(asked.Is)), asked.Table, asked.Without, namedRows)
	return rehearsal.Rows(rows), err
}

// namedRows is how many rows that differ are named of each table.
const namedRows = 5

// Errors implements rehearsal.Witness.
func (s *postgresStand) Errors(_ context.Context, of rehearsal.Copy, from, to time.Time) ([]understudy.ObservedError, error) {
	return lockwatch.Errors(s.log, from, to, s.physical(of))
}

// Rate implements rehearsal.Witness: nobody knows production's.
func (s *postgresStand) Rate(context.Context) (rehearsal.Rate, error) { return rehearsal.Rate{}, nil }

// Prober implements laboratory.Engine.
func (s *postgresStand) Prober() laboratory.Prober {
	return &laboratory.Others{URL: func(string) string { return s.server.AdminURL(s.physical(rehearsal.Side)) }}
}

// Still implements laboratory.Engine.
func (s *postgresStand) Still(ctx context.Context, patience time.Duration) (int, error) {
	return contention.Still(ctx, s.server.AdminURL("postgres"), []string{s.physical(rehearsal.Side)}, patience)
}

// Begins implements laboratory.Engine.
func (s *postgresStand) Begins(ctx context.Context, statement string) (bool, error) {
	return lockwatch.Begins(ctx, s.server.AdminURL("postgres"), []string{s.physical(rehearsal.Side)}, statement)
}

// Shift implements laboratory.Shifter. What it changes goes with the copy.
func (s *postgresStand) Shift(ctx context.Context, on rehearsal.Copy) (back func(context.Context) error, err error) {
	return func(context.Context) error { return nil }, contention.Shift(ctx, s.server.AdminURL(s.physical(on)))
}

// LockTimedOut implements laboratory.Engine.
func (s *postgresStand) LockTimedOut(output string) bool { return laboratory.LockTimedOut(output) }
