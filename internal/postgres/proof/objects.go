package proof

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/postgres"
)

// objects are the constraints and indexes of one side, and whether they are valid.
type objects struct{ constraints, indexes map[string]bool }

// compareObjects finds constraints and indexes of the source that the twin does not have,
// or that are valid there only.
func (p *Proof) compareObjects(ctx context.Context) error {
	source := p.objects
	twin, err := readObjects(ctx, p.target.Tx)
	if err != nil {
		return err
	}
	p.found.Objects = understudy.ObjectProof{
		Constraints: len(source.constraints), Indexes: len(source.indexes),
		Wrong: append(wrong("constraint", source.constraints, twin.constraints), wrong("index", source.indexes, twin.indexes)...),
	}
	return nil
}

func wrong(what string, source, twin map[string]bool) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(source)) {
		valid, there := twin[name]
		switch {
		case !there:
			out = append(out, fmt.Sprintf("%s %s is missing in the twin", what, name))
		case source[name] && !valid:
			out = append(out, fmt.Sprintf("%s %s is not valid in the twin", what, name))
		}
	}
	return out
}

func readObjects(ctx context.Context, tx pgx.Tx) (objects, error) {
	constraints, err := readValid(ctx, tx, "constraints", `
		SELECT n.nspname, c.relname, k.conname, k.convalidated
		FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE k.contype IN ('c', 'f', 'p', 'u', 'x') AND c.relpersistence <> 't'`)
	if err != nil {
		return objects{}, err
	}
	indexes, err := readValid(ctx, tx, "indexes", `
		SELECT n.nspname, c.relname, x.relname, i.indisvalid AND i.indisready
		FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_class c ON c.oid = i.indrelid
		JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relpersistence <> 't'`)
	return objects{constraints, indexes}, err
}

func readValid(ctx context.Context, tx pgx.Tx, what, query string) (map[string]bool, error) {
	doing := "reading whether " + what + " are valid"
	rows, err := tx.Query(ctx, query+" AND "+postgres.OfUser+" AND "+postgres.NotOfExtension("pg_class", "c.oid"))
	if err != nil {
		return nil, postgres.ReadError(doing, err)
	}
	valid := map[string]bool{}
	var schema, table, name string
	var is bool
	_, err = pgx.ForEachRow(rows, []any{&schema, &table, &name, &is}, func() error {
		valid[postgres.PlainName(name)+" of "+postgres.TableName(schema, table)] = is
		return nil
	})
	if err != nil {
		return nil, postgres.ReadError(doing, err)
	}
	return valid, nil
}
