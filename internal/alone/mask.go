package alone

import (
	"context"
	"maps"
	"slices"

	"understudy"
	"understudy/internal/api"
	"understudy/internal/mask"
	"understudy/internal/mysql"
	"understudy/internal/postgres"
	"understudy/internal/sqlite"
)

// samples are how many values of a column are looked at to tell what it holds.
const samples = 400

// MaskPlan proposes the rules for one database, given the file of those that there are.
func MaskPlan(ctx context.Context, database, file string) (api.MaskPlan, error) {
	columns, have, err := readMask(ctx, database, file)
	if err != nil {
		return api.MaskPlan{}, err
	}
	return PlanMask(columns, have, file), nil
}

// MaskDiff tells what one database asks of the rules of a file.
func MaskDiff(ctx context.Context, database, file string) (api.MaskDiff, error) {
	columns, have, err := readMask(ctx, database, file)
	if err != nil {
		return api.MaskDiff{}, err
	}
	return DiffMask(columns, have, file), nil
}

func readMask(ctx context.Context, database, file string) ([]understudy.Column, mask.Policy, error) {
	have, err := mask.Load(file)
	if err != nil {
		return nil, have, err
	}
	byTable, err := readColumns(ctx, database)
	return Flat(byTable), have, err
}

func readColumns(ctx context.Context, database string) (map[string][]understudy.Column, error) {
	kind, err := engine(database)
	switch {
	case err != nil:
		return nil, err
	case kind == "sqlite":
		return sqlite.Columns(ctx, sqlitePath(database), samples)
	case kind == "mysql":
		return mysql.Columns(ctx, database, samples)
	}
	conn, err := postgres.OpenReader(ctx, database, "understudy")
	if err != nil {
		return nil, err
	}
	defer postgres.CloseConn(ctx, conn)
	return postgres.Columns(ctx, conn, samples)
}

// Flat lists the columns of tables, table by table in the order of their names.
func Flat(byTable map[string][]understudy.Column) []understudy.Column {
	var columns []understudy.Column
	for _, table := range slices.Sorted(maps.Keys(byTable)) {
		columns = append(columns, byTable[table]...)
	}
	return columns
}

// PlanMask is a plan as the program tells it.
func PlanMask(columns []understudy.Column, have mask.Policy, file string) api.MaskPlan {
	text, undecided := mask.Plan(columns, have)
	return api.MaskPlan{File: file, Text: string(text), Undecided: undecided}
}

// DiffMask is a comparison as the program tells it.
func DiffMask(columns []understudy.Column, have mask.Policy, file string) api.MaskDiff {
	diff := api.MaskDiff{File: file, Changes: []api.MaskChange{}}
	for _, c := range mask.Diff(columns, have) {
		diff.Changes = append(diff.Changes, api.MaskChange{
			Kind: c.Kind, Column: c.Column, Type: c.Type, Was: c.Was, Rule: c.Rule, Class: string(c.Class), Reason: c.Reason,
			Proposed: c.Proposed, Undecided: c.Open, Stops: c.Stops(),
		})
	}
	return diff
}
