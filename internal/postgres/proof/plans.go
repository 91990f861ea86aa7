package proof

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/postgres"
)

// statement is one of the source's busiest, in the form that pg_stat_statements keeps:
// with numbered parameters in place of values.
type statement struct {
	id     string
	text   string
	calls  int64
	millis float64
}

// planned is a statement with its plan on the source.
type planned struct {
	statement
	plan plan
}

// planSource plans the busiest statements on the source, for any parameters, without
// running them. The text of a statement can hold values in its comments, so only its
// number is shown.
func (p *Proof) planSource(ctx context.Context) error {
	busiest, why, err := p.busiest(ctx)
	if err != nil {
		return err
	}
	if why != "" {
		p.notShown("plans were not compared: " + why)
		return nil
	}
	without := 0
	err = p.source.Join(ctx, func(tx pgx.Tx) error {
		for i, s := range busiest {
			was, err := planOf(ctx, tx, i, s.text)
			switch {
			case err != nil: // such as one that needs types of its parameters
				without++
			case was.tables: // others have nothing to compare
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
		whole += s.millis
	}
	err := p.target.Join(ctx, func(tx pgx.Tx) error {
		for i, s := range p.planned {
			if is, err := planOf(ctx, tx, i, s.text); err == nil {
				p.found.Plans = append(p.found.Plans, s.likeness(s.plan, is, whole))
			}
		}
		return ctx.Err()
	})
	p.skipped(len(p.planned)-len(p.found.Plans), "can be planned on the source only")
	return err
}

func (s statement) likeness(was, is plan, whole float64) understudy.PlanLikeness {
	out := understudy.PlanLikeness{
		Statement: s.id, Calls: s.calls, Share: s.millis / max(whole, 1e-9), Same: was.shape == is.shape,
		Source: was.shape, CostRatio: is.cost / max(was.cost, 1e-9),
	}
	if !out.Same {
		out.Twin = is.shape
	}
	return out
}

// busiest lists the statements that take the most time on the source, or says why it
// cannot. Those that look at the catalog are left out, and the program's own: it names
// tables as ONLY "schema"."table".
func (p *Proof) busiest(ctx context.Context) (out []statement, why string, err error) {
	var schema string
	err = p.source.Tx.QueryRow(ctx, `SELECT COALESCE((SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_stat_statements'), '')`).Scan(&schema)
	switch {
	case err != nil:
		return nil, "", postgres.ReadError("looking for pg_stat_statements", err)
	case schema == "":
		return nil, "the source has no pg_stat_statements", nil
	}
	err = attempt(ctx, p.source.Tx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			SELECT queryid::text, query, calls, (to_jsonb(s) ->> CASE WHEN to_jsonb(s) ? 'total_exec_time' THEN 'total_exec_time' ELSE 'total_time' END)::float8
			FROM `+pgx.Identifier{schema, "pg_stat_statements"}.Sanitize()+` s
			WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
				AND query ~* '^\s*(select|with|insert|update|delete)\M' AND query !~* 'pg_catalog|\mpg_\w+\M' AND query !~ 'ONLY "'
			ORDER BY 4 DESC LIMIT $1`, p.spec.Statements)
		if err != nil {
			return err
		}
		out, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (statement, error) {
			var s statement
			return s, row.Scan(&s.id, &s.text, &s.calls, &s.millis)
		})
		return err
	})
	switch {
	case ctx.Err() != nil:
		return nil, "", ctx.Err()
	case err != nil:
		return nil, "pg_stat_statements cannot be read there: " + postgres.ReadError("reading it", err).Error(), nil
	case len(out) == 0:
		return nil, "pg_stat_statements knows of no statement there", nil
	}
	return out, "", nil
}

// plan is how a statement would be run: the nodes with what they read, and what it costs.
type plan struct {
	shape  string
	cost   float64
	tables bool // it reads any
}

// planNode is one node of EXPLAIN's answer, without what would show a value.
type planNode struct {
	Type      string     `json:"Node Type"`
	Relation  string     `json:"Relation Name"`
	Index     string     `json:"Index Name"`
	Join      string     `json:"Join Type"`
	Strategy  string     `json:"Strategy"`
	Operation string     `json:"Operation"`
	Cost      float64    `json:"Total Cost"`
	Plans     []planNode `json:"Plans"`
}

// parameter is a numbered parameter outside of quotes, as pg_stat_statements writes them.
var parameter = regexp.MustCompile(`\$(\d+)`)

// planOf plans a statement for any parameters: as a prepared statement is planned that has
// been run often. The names it uses are found as its users find them, in public first.
func planOf(ctx context.Context, tx pgx.Tx, number int, text string) (plan, error) {
	name := fmt.Sprintf("understudy_plan_%d", number) // it outlives a rollback, and ends with the session
	explain := "EXPLAIN (FORMAT JSON) EXECUTE " + name
	if n := parameters(text); n > 0 {
		explain += "(" + strings.TrimSuffix(strings.Repeat("NULL, ", n), ", ") + ")"
	}
	var raw []byte
	err := attempt(ctx, tx, func(tx pgx.Tx) error {
		for _, act := range []string{"SET LOCAL search_path = \"$user\", public", "SET LOCAL plan_cache_mode = force_generic_plan", "PREPARE " + name + " AS " + text} {
			if _, err := tx.Exec(ctx, act, pgx.QueryExecModeSimpleProtocol); err != nil {
				return err
			}
		}
		return tx.QueryRow(ctx, explain, pgx.QueryExecModeSimpleProtocol).Scan(&raw)
	})
	if err != nil {
		return plan{}, postgres.ReadError("planning a statement", err)
	}
	var answer []struct{ Plan planNode }
	if err := json.Unmarshal(raw, &answer); err != nil || len(answer) != 1 {
		return plan{}, understudy.Errorf(understudy.KindInternal, "planning a statement: the server's answer is not one plan")
	}
	whole := answer[0].Plan
	return plan{shape: whole.shape(), cost: whole.Cost, tables: whole.tables()}, nil
}

func parameters(text string) int {
	most := 0
	for _, found := range parameter.FindAllStringSubmatch(text, -1) {
		if n, err := strconv.Atoi(found[1]); err == nil {
			most = max(most, n)
		}
	}
	return most
}

func (n planNode) tables() bool {
	return n.Relation != "" || slices.ContainsFunc(n.Plans, planNode.tables)
}

// shape is the tree in one line: "Nested Loop(Seq Scan orders, Index Scan people people_pkey)".
func (n planNode) shape() string {
	words := slices.DeleteFunc([]string{n.Operation, n.Strategy, n.Join, n.Type, n.Relation, n.Index}, func(s string) bool { return s == "" || s == "Plain" || s == "Inner" })
	below := make([]string, len(n.Plans))
	for i, node := range n.Plans {
		below[i] = node.shape()
	}
	if len(below) == 0 {
		return strings.Join(words, " ")
	}
	return strings.Join(words, " ") + "(" + strings.Join(below, ", ") + ")"
}
