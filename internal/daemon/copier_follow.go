package daemon

import (
	"context"
	"errors"

	"understudy"
	"understudy/internal/postgres/follow"
	"understudy/internal/postgres/logical"
)

// copyFollowed copies a database at the very place in production's log where its following
// goes on from.
func (c copier) copyFollowed(ctx context.Context, o copyOrder, database string, spec logical.Spec) (made understudy.DatabaseCopy, err error) {
	one := followed{Database: database, Name: c.d.followerName(o.twin, database)}
	how := c.d.followSpec(understudy.Environment{Name: o.twin, Copying: o.copying}, one, spec.Source, spec.Target, spec.Masks)
	how.Notice = spec.Notice
	prepared, err := follow.Prepare(ctx, how)
	if err != nil {
		return made, err
	}
	defer func() { err = errors.Join(err, prepared.Close(ctx)) }()
	spec.Snapshot = prepared.Snapshot
	if made, err = c.copyProven(ctx, o, database, spec); err != nil {
		return made, err
	}
	return made, prepared.Joined(ctx)
}
