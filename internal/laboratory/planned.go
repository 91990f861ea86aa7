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
	plans.Statement
	before plans.Plan
}

// PlanNow plans statements on a copy. Those that need their values to be planned, or read no
// table, are left out.
func PlanNow(ctx context.Context, tx pgx.Tx, busiest []plans.Statement) (all Planned) {
	for n, statement := range busiest {
		if plan, err := plans.Of(ctx, tx, n, statement.Text); err == nil && plan.Tables {
			all = append(all, planned{statement, plan})
		}
	}
	return all
}

// Again plans the same statements once more, on the same data.
func (p Planned) Again(ctx context.Context, tx pgx.Tx) []migration.Planned {
	var all []migration.Planned
	var whole float64
	for _, s := range p {
		whole += s.Millis
	}
	for n, s := range p {
		was := migration.Planned{
			Statement: lockwatch.WithoutLiterals(s.Text), Calls: s.Calls, Share: s.Millis / max(whole, 1e-9),
			Before: migration.Plan{Shape: s.before.Shape, Cost: s.before.Cost, Rows: s.before.Rows},
		}
		if is, err := plans.Of(ctx, tx, n, s.Text); err == nil {
			was.After = &migration.Plan{Shape: is.Shape, Cost: is.Cost, Rows: is.Rows}
		}
		all = append(all, was)
	}
	return all
}
