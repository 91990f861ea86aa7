package laboratory

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"understudy"
	"understudy/internal/migration"
	"understudy/internal/rehearsal"
)

// Shifter is an engine that gives numbers to new rows, and takes none back when a
// transaction is rolled back.
type Shifter interface {
	// Shift moves those numbers on, on a copy that is thrown away, as a transaction does that is rolled
	// back; also those of what is made there until back is called, once nothing runs there any more.
	Shift(ctx context.Context, on rehearsal.Copy) (back func(context.Context) error, err error)
}

// undisturbed are the runs that data is held against; nil where the migration was seen to
// write none.
func (l *Laboratory) undisturbed(seen understudy.Observation) *migration.Undisturbed {
	if !writes(seen) {
		return nil
	}
	if l.calm == nil {
		l.calm = &migration.Undisturbed{Mirror: mirror{l}}
	}
	return l.calm
}

// mirror is the calm copy, as an experiment on the side copy is held against it.
type mirror struct{ l *Laboratory }

// Undisturbed implements migration.Mirror.
func (m mirror) Undisturbed(ctx context.Context, shifted bool, run func(context.Context, migration.Commander) (bool, error)) (data json.RawMessage, broken error) {
	if err := m.l.Ledger.Clone(ctx, rehearsal.Calm); err != nil {
		return nil, err
	}
	if engine, can := m.l.Engine.(Shifter); can && shifted {
		back, err := engine.Shift(ctx, rehearsal.Calm)
		if err != nil {
			return nil, err
		}
		defer func() { broken = errors.Join(broken, back(context.WithoutCancel(ctx))) }()
	}
	place, err := m.l.Enter(ctx, rehearsal.Calm)
	if err != nil {
		return nil, err
	}
	defer place.Close(ctx)
	if through, err := run(ctx, place); err != nil || !through {
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
