package laboratory

import (
	"context"
	"encoding/json"
	"slices"

	"understudy"
	"understudy/internal/migration"
	"understudy/internal/rehearsal"
)

// Shifter is an engine that gives numbers to new rows, and takes none back when a
// transaction is rolled back.
type Shifter interface {
	// Shift moves those numbers on, on a copy, as a transaction does that is rolled back.
	Shift(ctx context.Context, on rehearsal.Copy) error
}

// mirror is the calm copy, as an experiment on the side copy is held against it.
type mirror struct{ l *Laboratory }

// Undisturbed implements migration.Mirror.
func (m mirror) Undisturbed(ctx context.Context, shifted bool, run func(context.Context, migration.Commander) error) (json.RawMessage, error) {
	if err := m.l.Ledger.Clone(ctx, rehearsal.Calm); err != nil {
		return nil, err
	}
	if engine, can := m.l.Engine.(Shifter); can && shifted {
		if err := engine.Shift(ctx, rehearsal.Calm); err != nil {
			return nil, err
		}
	}
	place, err := m.l.Enter(ctx, rehearsal.Calm)
	if err != nil {
		return nil, err
	}
	defer place.Close(ctx)
	if err := run(ctx, place); err != nil {
		return nil, err
	}
	return m.l.Ledger.Data(ctx, rehearsal.Calm)
}

// Data implements migration.Mirror.
func (m mirror) Data(ctx context.Context) (json.RawMessage, error) {
	return m.l.Ledger.Data(ctx, rehearsal.Side)
}

// Compare implements migration.Mirror.
func (m mirror) Compare(was, is json.RawMessage) ([]understudy.DataChange, error) {
	return dataChanges(was, is)
}

// Rows implements migration.Mirror.
func (m mirror) Rows(ctx context.Context, table string, without []string) (string, error) {
	if m.l.Examiner == nil {
		return "", nil
	}
	rows, err := m.l.Examiner.Rows(ctx, rehearsal.Asked{Was: rehearsal.Calm, Is: rehearsal.Side, Table: table, Without: without})
	return rows.String(), err
}

// writes tells whether a migration may have written rows: where nobody saw that exactly, it may.
func writes(seen understudy.Observation) bool {
	return slices.ContainsFunc(seen.Everywhere(), func(there understudy.Observation) bool {
		return !there.Exact.Writes || slices.ContainsFunc(there.Tables, func(t understudy.TableChange) bool {
			return !bookkeeping(t.Relation) && (t.Inserted+t.Updated+t.Deleted > 0 || t.Emptied || t.Rewritten)
		})
	})
}
