package alone

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/laboratory"
	"understudy/internal/migration"
	"understudy/internal/postgres"
	"understudy/internal/postgres/plans"
	"understudy/internal/rehearsal"
)

// planner is a stand whose engine says how it would run a statement.
type planner interface {
	// busiest are the statements that take the most time in the database itself, or why they are not known.
	busiest(ctx context.Context, database string) (all []plans.Statement, why string, err error)
	// reading lets act read a copy as the application would.
	reading(ctx context.Context, of rehearsal.Copy, act func(pgx.Tx) error) error
}

// planning compares how statements are planned before and after a run of the migration.
type planning struct {
	trial *trial
	on    rehearsal.Copy
	now   laboratory.Planned
	why   string // none are compared
}

// mostPlanned is how many statements are planned.
const mostPlanned = 25

// note plans the busiest statements of the database itself; where they are not known, those
// of --traffic. It says why it plans none.
func (p *planning) note(ctx context.Context) error {
	by, plansAny := p.trial.stand.(planner)
	if !plansAny {
		return p.none("they are of PostgreSQL only")
	}
	busiest, why, err := by.busiest(ctx, p.trial.order.Database)
	if err != nil {
		return err
	}
	if len(busiest) == 0 {
		busiest = p.trial.declared()
	}
	if len(busiest) == 0 {
		return p.none(why + ", and --traffic names no statements")
	}
	err = by.reading(ctx, p.on, func(tx pgx.Tx) error {
		p.now = laboratory.PlanNow(ctx, tx, "", busiest)
		return ctx.Err()
	})
	if err == nil && len(p.now) == 0 {
		return p.none("none of the busiest statements can be planned without its values")
	}
	return err
}

func (p *planning) none(why string) error {
	p.why = why
	if p.trial.unplanned != why { // each run of the migration finds the same again
		p.trial.tell("plans are not compared: " + why)
	}
	p.trial.unplanned = why
	return nil
}

// declared are the statements of --traffic, each as busy as its weight.
func (t *trial) declared() (all []plans.Statement) {
	if t.order.Traffic == "" {
		return nil
	}
	for _, s := range t.traffic.before[:min(mostPlanned, len(t.traffic.before))] {
		all = append(all, plans.Statement{ID: s.Name, Text: s.SQL, Millis: s.Weight})
	}
	return all
}

// conclude adds to a run what it lets expect of production, and what became of the plans.
func (p *planning) conclude(ctx context.Context, ran migration.Ran, budget migration.Budget, done *rehearsal.Migrated) error {
	var estimates []migration.Estimate
	if _, knows := p.trial.stand.(measured); knows {
		estimates = laboratory.Expected(ran, budget, done)
	}
	if p.on != rehearsal.Work || !ran.OK() {
		return nil
	}
	var all []migration.Planned
	if by, plansAny := p.trial.stand.(planner); plansAny && len(p.now) > 0 {
		err := by.reading(ctx, p.on, func(tx pgx.Tx) error {
			all = p.now.Again(ctx, tx, "")
			return ctx.Err()
		})
		if err != nil {
			return err
		}
	}
	done.Findings = append(done.Findings, migration.JudgePlans(all)...)
	done.Figures = append(done.Figures, migration.PlanFigures(all, p.why)...)
	raw, err := json.MarshalIndent(map[string]any{"estimates": estimates, "plans": all, "notPlanned": p.why}, "", "  ")
	if err != nil {
		return err
	}
	kept, err := p.trial.book.Keep("migration-up-outlook.json", strings.NewReader(string(raw)))
	done.Evidence = append(done.Evidence, kept)
	return err
}

func (s *postgresStand) busiest(ctx context.Context, database string) (all []plans.Statement, why string, err error) {
	conn, err := postgres.OpenReader(ctx, database, "understudy")
	if err != nil {
		return nil, "", err
	}
	defer postgres.CloseConn(ctx, conn)
	err = postgres.ReadOnly(ctx, conn, func(tx pgx.Tx) error {
		all, why, err = plans.Busiest(ctx, tx, "", mostPlanned)
		return err
	})
	return all, why, err
}

func (s *postgresStand) reading(ctx context.Context, of rehearsal.Copy, act func(pgx.Tx) error) error {
	conn, err := pgx.Connect(ctx, s.server.URL(s.role, s.password, s.physical(of)))
	if err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "connecting to the copy as %s: %w", s.role, postgres.ReadError("asking it", err))
	}
	defer postgres.CloseConn(ctx, conn)
	return postgres.ReadOnly(ctx, conn, act)
}
