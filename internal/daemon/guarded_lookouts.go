package daemon

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"understudy"
	"understudy/internal/migration"
	"understudy/internal/postgres/lockwatch"
	"understudy/internal/postgres/lookout"
)

// lookouts are at all databases of production that a migration may touch, the first one first;
// they look as one.
type lookouts []post

// post is a lookout at one database, by what expectations call that.
type post struct {
	database string
	*lookout.Lookout
}

var _ migration.Lookout = lookouts{}

// look opens a lookout at each database; before is what there was in each when the migration
// first began, where that is known. The caller closes them.
func (m migrator) look(ctx context.Context, before map[string]lookout.Before) (all lookouts, err error) {
	for _, database := range m.watched() {
		at := post{database: m.called(database.Name)}
		spec := lookout.Spec{ApplicationName: lockwatch.MigrationName}
		if was, known := before[at.database]; known {
			spec.Before = &was
		}
		if spec.URL, err = m.d.source(ctx, m.env, m.release.Application, database.Name, m.databases[database.Name]); err == nil {
			at.Lookout, err = lookout.Open(ctx, spec)
		}
		if err != nil {
			all.close(ctx)
			return nil, err
		}
		all = append(all, at)
	}
	return all, nil
}

func (l lookouts) close(ctx context.Context) {
	for _, at := range l {
		at.Close(ctx)
	}
}

// before is what there was in each database when the migration began.
func (l lookouts) before() map[string]lookout.Before {
	all := map[string]lookout.Before{}
	for _, at := range l {
		all[at.database] = at.Before()
	}
	return all
}

// Look looks at all of them at once, as one that does not answer must not hold up the others.
func (l lookouts) Look(ctx context.Context) (out migration.Sight, err error) {
	seen, failed := make([]lookout.Sight, len(l)), make([]error, len(l))
	var looking sync.WaitGroup
	for i, at := range l {
		looking.Go(func() { seen[i], failed[i] = at.Lookout.Look(ctx) })
	}
	looking.Wait()
	for i, at := range l {
		out = at.add(out, seen[i])
	}
	return out, errors.Join(failed...)
}

// add adds what was seen of one database.
func (p post) add(out migration.Sight, seen lookout.Sight) migration.Sight {
	if out.Statement == "" {
		out.Statement = seen.Statement
	}
	for _, s := range seen.Locks {
		out.Locks = append(out.Locks, migration.SeenLock{Database: p.database, Relation: s.Relation, Kind: s.Kind, Of: s.Of, Mode: s.Mode, Waiting: s.Waiting})
	}
	for _, w := range seen.Waits {
		if w.Relation != "" {
			w.Relation = understudy.InDatabase(p.database, w.Relation)
		}
		out.Waits = append(out.Waits, w)
	}
	return out
}

// Busy asks each database for the locks that are wanted there.
func (l lookouts) Busy(ctx context.Context, wanted map[string]string) (out migration.Busy, err error) {
	for _, at := range l {
		here := l.wantedAt(at.database, wanted)
		if len(here) == 0 {
			continue
		}
		seen, err := at.Lookout.Busy(ctx, here)
		if err != nil {
			return out, err
		}
		out.Active, out.Waiting = out.Active+seen.Active, out.Waiting+seen.Waiting
		for _, h := range seen.Holders {
			h.Relation = understudy.InDatabase(at.database, h.Relation)
			out.Holders = append(out.Holders, migration.Holder(h))
		}
	}
	slices.SortStableFunc(out.Holders, func(a, b migration.Holder) int { return int(b.Age - a.Age) })
	return out, nil
}

// wantedAt are the locks of one database, by the names that relations have there.
func (l lookouts) wantedAt(database string, wanted map[string]string) map[string]string {
	here := map[string]string{}
	for name, mode := range wanted {
		in, relation := "", name
		for _, at := range l {
			if own, is := strings.CutPrefix(name, at.database+"/"); is && at.database != "" {
				in, relation = at.database, own
			}
		}
		if in == database {
			here[relation] = mode
		}
	}
	return here
}

// End ends what is left of the migration's sessions in all databases.
func (l lookouts) End(ctx context.Context) (left int, failed error) {
	for _, at := range l {
		n, err := at.Lookout.End(ctx)
		left, failed = left+n, errors.Join(failed, err)
	}
	return left, failed
}

// blind says what cannot be seen in the databases; empty: nothing is hidden.
func (l lookouts) blind(ctx context.Context) (string, error) {
	var all []string
	for _, at := range l {
		why, err := at.Blind(ctx)
		if err != nil {
			return "", err
		}
		if why != "" && !slices.Contains(all, why) {
			all = append(all, why)
		}
	}
	return strings.Join(all, "; "), nil
}

// invalid lists the indexes that are invalid and were not before.
func (l lookouts) invalid(ctx context.Context) (names []string, err error) {
	for _, at := range l {
		here, err := at.Invalid(ctx)
		if err != nil {
			return nil, err
		}
		for _, name := range here {
			names = append(names, understudy.InDatabase(at.database, name))
		}
	}
	return names, nil
}

// elsewhere names the further databases.
func (l lookouts) elsewhere() (names []string) {
	for _, at := range l[1:] {
		names = append(names, at.database)
	}
	return names
}
