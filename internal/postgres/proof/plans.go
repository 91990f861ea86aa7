package proof

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/postgres/plans"
)

// planned is a statement with its plan on the source.
type planned struct {
	plans.Statement
	plan plans.Plan
}

// planSource plans the busiest statements on the source, for any parameters, without
// running them. The text of a statement can hold values in its comments, so only its
// number is shown.
func (p *Proof) planSource(ctx context.Context) error {
	busiest, why, err := plans.Busiest(ctx, p.source.Tx, "", p.spec.Statements)
	if err != nil {
		return err
	}
	if why != "" {
		p.notShown("plans were not compared: on the source " + why)
		return nil
	}
	without := 0
	err = p.source.Join(ctx, func(tx pgx.Tx) error {
		for i, s := range busiest {
			was, err := plans.Of(ctx, tx, i, s.Text)
			switch {
			case err != nil: // such as one that needs types of its parameters
				without++
			case was.Tables: // others have nothing to compare
				p.planned = append(p.planned, planned{s, was})
			}
		}
		return ctx.Err()
	})
	p.skipped(without, "cannot be planned without their values")
	return err
}

func (p *Proof) skipped(statements int, why string) {
	if statements > 0 {
		p.notShown(fmt.Sprintf("%d of the busiest statements %s, and were not compared", statements, why))
	}
}

// comparePlans plans the same statements on the target.
func (p *Proof) comparePlans(ctx context.Context) error {
	var whole float64
	for _, s := range p.planned {
		whole += s.Millis
	}
	err := p.target.Join(ctx, func(tx pgx.Tx) error {
		for i, s := range p.planned {
			if is, err := plans.Of(ctx, tx, i, s.Text); err == nil {
				p.found.Plans = append(p.found.Plans, s.likeness(is, whole))
			}
		}
		return ctx.Err()
	})
	p.skipped(len(p.planned)-len(p.found.Plans), "can be planned on the source only")
	return err
}

func (s planned) likeness(is plans.Plan, whole float64) understudy.PlanLikeness {
	was := s.plan
	out := understudy.PlanLikeness{
		Statement: s.ID, Calls: s.Calls, Share: s.Millis / max(whole, 1e-9), Same: was.Shape == is.Shape,
		Source: was.Shape, CostRatio: is.Cost / max(was.Cost, 1e-9),
	}
	if !out.Same {
		out.Twin = is.Shape
	}
	return out
}
