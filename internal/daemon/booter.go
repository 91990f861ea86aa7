package daemon

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"understudy"
	"understudy/internal/migration"
)

// booter runs the migration of a release that has no command for it, as its services bring
// the schema forward when they start: one run is a start, until all are ready, after which
// they are ended. Several may run at once. What is ended while it starts is killed.
type booter struct {
	m      migrator
	number atomic.Int64
}

func (b *booter) RunMigration(ctx context.Context, _ migration.Command) (migration.Result, error) {
	m := b.m
	o := order{
		id:  fmt.Sprintf("%s-%s-%d", m.env.Name, m.name, b.number.Add(1)),
		env: m.env, release: m.release, databases: m.databases, programs: true, boot: true,
	}
	err := m.d.launch(ctx, o)
	if err == nil {
		err = m.d.runtime.Ready(ctx, o.id)
	}
	ended := m.d.retire(ctx, m.env.Name, o.id)
	switch kind := understudy.KindOf(err); {
	case ctx.Err() != nil:
		return migration.Result{Status: -1}, errors.Join(context.Cause(ctx), ended)
	case kind == understudy.KindFailed || kind == understudy.KindInvalid: // it is the release that does not start
		return migration.Result{Status: 1, Output: err.Error()}, ended
	}
	return migration.Result{}, errors.Join(err, ended)
}
