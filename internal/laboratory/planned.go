package laboratory

import (
	"context"

	"github.com/jackc/pgx/v5"

	"understudy/internal/migration"
	"understudy/internal/postgres/lockwatch"
	"understudy/internal/postgres/plans"
)

// Planned are busy statements, each with how it is planned before a migration.
type Planned []planned

type planned struct {
	database string
	plans.Statement
	before plans.Plan
}

// PlanNow plans statements of a database, by what it is called, on a copy. Those that need their
// values to be planned, or read no table, are left out.
func PlanNow(ctx context.Context, tx pgx.Tx, database string, busiest []plans.Statement) (all Planned) {
	for n, statement := range busiest {
		if plan, err := plans.Of(ctx, tx, n, statement.Text); err == nil && plan.Tables {
			all = append(all, planned{database, statement, plan})
		}
	}
	return all
}

// Again plans those of a database once more, on the same data. Shares are of the time that the
// statements of all databases take.
func (p Planned) Again(ctx context.Context, tx pgx.Tx, database string) []migration.Planned {
	var all []migration.Planned
	var whole float64
	for _, s := range p {
		whole += s.Millis
	}
	for n, s := range p {
		if s.database != database {
			continue
		}
		was := migration.Planned{
			Database: database, Statement: lockwatch.WithoutLiterals(s.Text), Calls: s.Calls, Share: s.Millis / max(whole, 1e-9),
			Before: migration.Plan{Shape: s.before.Shape, Cost: s.before.Cost, Rows: s.before.Rows},
		}
		if is, err := plans.Of(ctx, tx, n, s.Text); err == nil {
			was.After = &migration.Plan{Shape: is.Shape, Cost: is.Cost, Rows: is.Rows}
		}
		all = append(all, was)
	}
	return all
}
