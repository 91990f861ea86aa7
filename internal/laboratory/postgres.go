package laboratory

import (
	"context"
	"strings"

	"understudy/internal/migration"
	"understudy/internal/postgres/contention"
)

// LockTimedOut knows PostgreSQL's words for a lock that was not to be had, by code and by
// message: not in time, or not at all, as two waited for each other and it was the one to
// give way.
func LockTimedOut(output string) bool {
	for _, words := range []string{"55P03", "due to lock timeout", "40P01", "deadlock detected"} {
		if strings.Contains(output, words) {
			return true
		}
	}
	return false
}

// Others are the other sessions of PostgreSQL databases, as a migration.Prober. They are
// there from the first call of Occupy on, as the copy is made anew before it.
type Others struct {
	// URL gives the address of a superuser in the copy of a database, by its name; the empty one is the first.
	URL   func(database string) string
	crowd map[string]*contention.Crowd // of each database that has a target
}

// Occupy implements migration.Prober.
func (o *Others) Occupy(ctx context.Context, targets []migration.Target) (leave func(), err error) {
	o.crowd = map[string]*contention.Crowd{}
	all := map[string][]contention.Target{}
	for _, t := range targets {
		all[t.Database] = append(all[t.Database], contention.Target{Relation: t.Relation, Writes: t.Writes})
	}
	var leaving []func()
	leave = func() {
		for _, one := range leaving {
			one()
		}
	}
	for database, there := range all {
		one, err := o.occupy(ctx, database, there)
		if err != nil {
			leave()
			return nil, err
		}
		leaving = append(leaving, one)
	}
	return leave, nil
}

func (o *Others) occupy(ctx context.Context, database string, targets []contention.Target) (leave func(), err error) {
	crowd, err := contention.Open(ctx, o.URL(database))
	if err != nil {
		return nil, err
	}
	o.crowd[database] = crowd
	return crowd.Occupy(ctx, targets)
}

// Ask implements migration.Prober.
func (o *Others) Ask(ctx context.Context, target migration.Target) error {
	return o.crowd[target.Database].Ask(ctx, contention.Target{Relation: target.Relation, Writes: target.Writes})
}

// Waits implements migration.Prober.
func (o *Others) Waits(ctx context.Context) (bool, error) {
	for _, crowd := range o.crowd {
		if waits, err := crowd.Waits(ctx); waits || err != nil {
			return waits, err
		}
	}
	return false, nil
}

// Close ends the sessions.
func (o *Others) Close(ctx context.Context) {
	for _, crowd := range o.crowd {
		crowd.Close(ctx)
	}
}
