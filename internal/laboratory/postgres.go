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

// Others are the other sessions of a PostgreSQL database, as a migration.Prober. They are
// there from the first call of Occupy on, as the copy is made anew before it.
type Others struct {
	URL   string // of a superuser, in the copy
	crowd *contention.Crowd
}

// Occupy implements migration.Prober.
func (o *Others) Occupy(ctx context.Context, targets []migration.Target) (leave func(), err error) {
	if o.crowd, err = contention.Open(ctx, o.URL); err != nil {
		return nil, err
	}
	all := make([]contention.Target, len(targets))
	for i, t := range targets {
		all[i] = contention.Target(t)
	}
	return o.crowd.Occupy(ctx, all)
}

// Ask implements migration.Prober.
func (o *Others) Ask(ctx context.Context, target migration.Target) error {
	return o.crowd.Ask(ctx, contention.Target(target))
}

// Waits implements migration.Prober.
func (o *Others) Waits(ctx context.Context) (bool, error) { return o.crowd.Waits(ctx) }

// Close ends the sessions.
func (o *Others) Close(ctx context.Context) {
	if o.crowd != nil {
		o.crowd.Close(ctx)
	}
}
