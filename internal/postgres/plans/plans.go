// Package plans finds the statements that take the most time on a server, and how it would
// run them, without running any: for holding two servers, or two moments, side by side.
package plans

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

// Statement is one of a server's busiest, in the form that pg_stat_statements keeps: with
// numbered parameters in place of values. Its comments can still hold some.
type Statement struct {
	ID     string
	Text   string
	Calls  int64
	Millis float64
}

// Busiest lists the statements that take the most time in a database, or says why it
// cannot; the empty name is that of the database that tx is connected to. It reads the
// extension where it is: in the connected database, for all of the server. Statements that
// look at the catalog are left out, and the program's own: it names tables as ONLY
// "schema"."table".
func Busiest(ctx context.Context, tx pgx.Tx, database string, most int) (out []Statement, why string, err error) {
	why, err = EachOf(ctx, tx, database, most, func(s Statement) { out = append(out, s) })
	if why != "" || err != nil {
		return nil, why, err
	}
	return out, "", nil
}

// EachOf hands on what Busiest lists, one after the other: of many thousands, with long texts, no
// more than one is in memory. What was handed on before a reason or an error is worth nothing.
func EachOf(ctx context.Context, tx pgx.Tx, database string, most int, take func(Statement)) (why string, err error) {
	var schema string
	err = tx.QueryRow(ctx, `SELECT COALESCE((SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_stat_statements'), '')`).Scan(&schema)
	switch {
	case err != nil:
		return "", postgres.ReadError("looking for pg_stat_statements", err)
	case schema == "":
		return "there is no pg_stat_statements", nil
	}
	found := 0
	err = postgres.Attempt(ctx, tx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			SELECT queryid::text, query, calls, (to_jsonb(s) ->> CASE WHEN to_jsonb(s) ? 'total_exec_time' THEN 'total_exec_time' ELSE 'total_time' END)::float8
			FROM `+pgx.Identifier{schema, "pg_stat_statements"}.Sanitize()+` s
			WHERE dbid = (SELECT oid FROM pg_database WHERE datname = COALESCE(NULLIF($2, ''), current_database()))
				AND query ~* '^(\s|/\*([^*]|\*+[^*/])*\*+/|--[^\n]*\n)*(select|with|insert|update|delete)\M' AND query !~* 'pg_catalog|\mpg_\w+\M' AND query !~ 'ONLY "'
			ORDER BY 4 DESC LIMIT $1`, most, database)
		if err != nil {
			return err
		}
		var s Statement
		_, err = pgx.ForEachRow(rows, []any{&s.ID, &s.Text, &s.Calls, &s.Millis}, func() error {
			found++
			take(s)
			return nil
		})
		return err
	})
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case err != nil:
		return "pg_stat_statements cannot be read: " + postgres.ReadError("reading it", err).Error(), nil
	case found == 0:
		return "pg_stat_statements knows of no statement that this role may see", nil
	}
	return "", nil
}

// Plan is how a statement would be run: the nodes with what they read, what it costs, and
// how many rows the planner expects it to give.
type Plan struct {
	Shape  string
	Cost   float64
	Rows   float64
	Tables bool // it reads any
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
	Rows      float64    `json:"Plan Rows"`
	Plans     []planNode `json:"Plans"`
}

// parameter is a numbered parameter outside of quotes, as pg_stat_statements writes them.
var parameter = regexp.MustCompile(`\$(\d+)`)

// Of plans a statement for any parameters, without running it: as a prepared statement is
// planned that has been run often. The names it uses are found as its users find them, in
// public first. Each statement of a session has a number of its own.
func Of(ctx context.Context, tx pgx.Tx, number int, text string) (Plan, error) {
	name := fmt.Sprintf("understudy_plan_%d", number) // it outlives a rollback, and ends with the session
	explain := "EXPLAIN (FORMAT JSON) EXECUTE " + name
	if n := parameters(text); n > 0 {
		explain += "(" + strings.TrimSuffix(strings.Repeat("NULL, ", n), ", ") + ")"
	}
	var raw []byte
	err := postgres.Attempt(ctx, tx, func(tx pgx.Tx) error {
		for _, act := range []string{"SET LOCAL search_path = \"$user\", public", "SET LOCAL plan_cache_mode = force_generic_plan", "PREPARE " + name + " AS " + text} {
			if _, err := tx.Exec(ctx, act, pgx.QueryExecModeSimpleProtocol); err != nil {
				return err
			}
		}
		return tx.QueryRow(ctx, explain, pgx.QueryExecModeSimpleProtocol).Scan(&raw)
	})
	if err != nil {
		return Plan{}, postgres.ReadError("planning a statement", err)
	}
	var answer []struct{ Plan planNode }
	if err := json.Unmarshal(raw, &answer); err != nil || len(answer) != 1 {
		return Plan{}, understudy.Errorf(understudy.KindInternal, "planning a statement: the server's answer is not one plan")
	}
	whole := answer[0].Plan
	return Plan{Shape: whole.shape(), Cost: whole.Cost, Rows: whole.Rows, Tables: whole.tables()}, nil
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
