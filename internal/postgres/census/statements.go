package census

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/parity"
	"understudy/internal/postgres"
	"understudy/internal/postgres/plans"
)

// readBusiest lists the statements that take the most time, and who hides them otherwise.
func (p *pass) readBusiest(tx pgx.Tx) error {
	if p.spec.Statements < 0 {
		return nil
	}
	return p.attempt(tx, "busiest statements", nil, func(tx pgx.Tx) error {
		var why string
		var err error
		p.taken.Busiest, why, err = plans.Busiest(p.ctx, tx, "", p.spec.Statements)
		if err == nil && why != "" {
			if p.taken.Hides {
				why += "; GRANT pg_read_all_stats TO " + p.grantee()
			}
			p.unseen(nil, "its busiest statements: %s", why)
		}
		return err
	})
}

// Planned is how a server would run the statements of one side, by their numbers there.
type Planned struct {
	Plans  map[string]parity.Plan
	Unseen []parity.Unseen
}

// Plan plans statements for any parameters, without running one. One that cannot be planned
// has no plan. One whose tables the role may not read cannot be planned either; then none
// is compared, and a sentence says so.
func Plan(ctx context.Context, conn *pgx.Conn, statements []plans.Statement) (Planned, error) {
	out := Planned{Plans: map[string]parity.Plan{}}
	nothing := func(pgx.Tx) error { return nil }
	err := postgres.ReadGently(ctx, conn, "planning the busiest statements", StatementTime, LockTime, nothing, func(tx pgx.Tx) error {
		return out.plan(ctx, tx, statements)
	})
	return out, err
}

func (out *Planned) plan(ctx context.Context, tx pgx.Tx, statements []plans.Statement) error {
	forbidden := 0
	for i, s := range statements {
		plan, err := plans.Of(ctx, tx, i, s.Text)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case understudy.KindOf(err) == understudy.KindRefused:
			forbidden++
		case err != nil: // such as one that needs types of its parameters, or a column that is not here
		case plan.Tables: // others have nothing to compare
			out.Plans[s.ID] = parity.Plan{Shape: plan.Shape, Cost: plan.Cost}
		}
	}
	if forbidden > 0 {
		out.Unseen = append(out.Unseen, parity.Unseen{Kinds: []string{understudy.GapPlan, understudy.GapCost}, Sentence: fmt.Sprintf(
			"plans: %d of the %d busiest statements read tables that the role may not read, and the server plans them for whoever may", forbidden, len(statements))})
	}
	return nil
}
