package daemon

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

// outlook is what is noted before a run of the migration on the twin, to say afterwards
// what it lets expect of production: sizes on both sides, and the plans of the busiest
// statements. Nothing of it decides whether the migration runs; what could not be noted is
// said.
type outlook struct {
	s          *stage
	on         rehearsal.Copy
	twin       map[string]migration.Size
	production map[string]migration.Size
	planned    laboratory.Planned
	why        []string // of some databases no statements were planned
}

// mostPlanned is how many of the busiest statements are planned.
const mostPlanned = 25

// lookAhead notes it for a laboratory.
func (s *stage) lookAhead(ctx context.Context, on rehearsal.Copy, way laboratory.Way) (laboratory.Outlook, error) {
	if len(s.baseline.Application.Databases) == 0 || way == laboratory.Down {
		return laboratory.Outlook{}, nil
	}
	o := s.outlook(ctx, on)
	return laboratory.Outlook{Twin: o.twin, Production: o.production, Conclude: o.conclude}, nil
}

func (s *stage) outlook(ctx context.Context, on rehearsal.Copy) *outlook {
	o := &outlook{s: s, on: on, twin: map[string]migration.Size{}, production: map[string]migration.Size{}}
	_, names, err := s.d.running(ctx, s.target)
	for _, database := range s.migrator(on).watched() {
		called := s.called(database.Name)
		add(o.twin, called, s.sizes(ctx, s.env, database.Name, s.physical(on)[database.Name]))
		if err == nil {
			add(o.production, called, s.sizes(ctx, s.target, database.Name, names[database.Name]))
		}
		if on == rehearsal.Work {
			o.plan(ctx, database.Name, names[database.Name])
		}
	}
	return o
}

// add adds the sizes of a database's tables, by what findings call them.
func add(all map[string]migration.Size, database string, sizes map[string]migration.Size) {
	for table, size := range sizes {
		all[understudy.InDatabase(database, table)] = size
	}
}

// sizes are those of a database's tables, as its statistics say; none where they cannot be
// read, of which the estimates then say that they rest on nothing.
func (s *stage) sizes(ctx context.Context, e understudy.Environment, database, physical string) map[string]migration.Size {
	sizes := map[string]migration.Size{}
	err := s.d.reading(ctx, e, s.baseline.Application, database, physical, func(conn *pgx.Conn) error {
		all, err := postgres.TableSizes(ctx, conn)
		for _, t := range all {
			sizes[t.Table] = migration.Size{Rows: t.Rows, Bytes: t.Bytes}
		}
		return err
	})
	if err != nil {
		s.d.options.Log.Warn("the sizes of tables could not be read", "environment", e.Name, "database", database, "error", err)
		return nil
	}
	return sizes
}

// plan plans the busiest statements of a database of the twin's traffic, or of production where the
// twin does not know any.
func (o *outlook) plan(ctx context.Context, database, physical string) {
	busiest, why := o.busiest(ctx, database, physical)
	if len(busiest) == 0 {
		o.none(database, why)
		return
	}
	err := o.onCopy(ctx, database, func(tx pgx.Tx) {
		o.planned = append(o.planned, laboratory.PlanNow(ctx, tx, o.s.called(database), busiest)...)
	})
	if err != nil {
		o.none(database, err.Error())
	}
}

// none remembers why no statements of a database are planned.
func (o *outlook) none(database, why string) {
	if called := o.s.called(database); called != "" {
		why = "in database " + called + ": " + why
	}
	o.why = append(o.why, why)
}

// busiest are the statements of a database that take the most time, or why they are not known.
func (o *outlook) busiest(ctx context.Context, database, physical string) (busiest []plans.Statement, why string) {
	busiest, why = o.s.busiestOnTwin(ctx, o.s.physical(o.on)[database], mostPlanned)
	if len(busiest) > 0 {
		return busiest, why
	}
	err := o.s.d.reading(ctx, o.s.target, o.s.baseline.Application, database, physical, func(conn *pgx.Conn) error {
		return postgres.ReadOnly(ctx, conn, func(tx pgx.Tx) (err error) {
			var there string
			busiest, there, err = plans.Busiest(ctx, tx, "", mostPlanned)
			why = "on the twin " + why + ", in production " + there
			return err
		})
	})
	if err != nil {
		return nil, why + ": " + err.Error()
	}
	return busiest, why
}

// busiestOnTwin are the statements of a database that take the most time.
func (s *stage) busiestOnTwin(ctx context.Context, physical string, most int) (busiest []plans.Statement, why string) {
	why = s.eachOnTwin(ctx, physical, most, func(one plans.Statement) { busiest = append(busiest, one) })
	if why != "" {
		return nil, why
	}
	return busiest, ""
}

// eachOnTwin reads the statements of a database from the server's own view, which is
// looked at in the database postgres: in the application's it would be a difference of schemas.
func (s *stage) eachOnTwin(ctx context.Context, physical string, most int, take func(plans.Statement)) (why string) {
	server, err := s.d.twinServer(ctx, s.env.Name)
	if err != nil {
		return err.Error()
	}
	conn, err := server.Connect(ctx, "postgres")
	if err != nil {
		return err.Error()
	}
	defer postgres.CloseConn(ctx, conn)
	if _, err := conn.Exec(ctx, "CREATE EXTENSION IF NOT EXISTS pg_stat_statements"); err != nil {
		return "the server lacks pg_stat_statements (package postgresql-contrib)"
	}
	err = postgres.ReadOnly(ctx, conn, func(tx pgx.Tx) (err error) {
		why, err = plans.EachOf(ctx, tx, physical, most, take)
		return err
	})
	if err != nil {
		return err.Error()
	}
	return why
}

// onCopy reads a database of the copy that is migrated, in a transaction that ends with act.
func (o *outlook) onCopy(ctx context.Context, database string, act func(pgx.Tx)) error {
	return o.s.d.reading(ctx, o.s.env, o.s.baseline.Application, database, o.s.physical(o.on)[database], func(conn *pgx.Conn) error {
		return postgres.ReadOnly(ctx, conn, func(tx pgx.Tx) error {
			act(tx)
			return ctx.Err()
		})
	})
}

// conclude adds to a run what it lets expect of production, and what became of the plans.
func (o *outlook) conclude(ctx context.Context, ran migration.Ran, budget migration.Budget, out *rehearsal.Migrated) error {
	estimates := laboratory.Expected(ran, budget, out)
	if o.on != rehearsal.Work || !ran.OK() {
		return nil
	}
	var all []migration.Planned
	for _, database := range o.s.migrator(o.on).watched() {
		err := o.onCopy(ctx, database.Name, func(tx pgx.Tx) { all = append(all, o.planned.Again(ctx, tx, o.s.called(database.Name))...) })
		if err != nil {
			o.none(database.Name, err.Error())
		}
	}
	why := strings.Join(o.why, "; ")
	out.Findings = append(out.Findings, migration.JudgePlans(all)...)
	out.Figures = append(out.Figures, migration.PlanFigures(all, why)...)
	raw, err := json.MarshalIndent(map[string]any{"estimates": estimates, "plans": all, "notPlanned": why}, "", "  ")
	if err != nil {
		return err
	}
	kept, err := o.s.d.evidence.Put("migration-up-outlook.json", strings.NewReader(string(raw)))
	out.Evidence = append(out.Evidence, kept)
	return err
}
