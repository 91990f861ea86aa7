package daemon

import (
	"context"

	"understudy"
	"understudy/internal/postgres"
	"understudy/internal/postgres/logical"
	"understudy/internal/postgres/subsetting"
)

// narrow chooses the part of a database that a twin takes, and narrows its copy to that.
// The view that it was chosen in has to be held until the rows are there: end lets it go.
func narrow(ctx context.Context, part understudy.Subset, key []byte, spec *logical.Spec) (end func(), err error) {
	moment, err := postgres.OpenMoment(ctx, spec.Source, "understudy subset")
	if err != nil {
		return nil, err
	}
	chosen, err := subsetting.Choose(ctx, moment, part, key, spec.Notice)
	if err != nil {
		moment.Close(ctx)
		return nil, err
	}
	spec.Snapshot = moment.Snapshot
	spec.Choose = func(table string) (logical.Choice, bool) {
		where, some := chosen.Where(table)
		return logical.Choice{Where: where}, some
	}
	return func() { moment.Close(ctx) }, nil
}

// isPart tells of a table whether only some of its rows are copied.
func isPart(spec logical.Spec) func(table string) bool {
	return func(table string) bool {
		if spec.Choose == nil {
			return false
		}
		_, some := spec.Choose(table)
		return some
	}
}
