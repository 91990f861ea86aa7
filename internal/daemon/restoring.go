package daemon

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/migration"
	"understudy/internal/postgres"
	"understudy/internal/postgres/cluster"
	"understudy/internal/rehearsal"
)

// restoring plays rehearsal.Restorer on a twin.
type restoring struct{ *stage }

// Restore does what a rollback does in production, by the same parts.
func (r restoring) Restore(ctx context.Context) (rehearsal.Restored, error) {
	server, err := r.d.twinServer(ctx, r.env.Name)
	if err != nil {
		return rehearsal.Restored{}, err
	}
	if err := r.forget(ctx, server); err != nil { // what was left when it was killed
		return rehearsal.Restored{}, err
	}
	copied := safetyCopy{r.d, r.env, r.baseline.Application, r.copied()}
	began := time.Now()
	if err := copied.make(ctx, r.physical(rehearsal.Golden)); err != nil {
		return failed(ctx, err)
	}
	done := rehearsal.Restored{OK: true, Copied: time.Since(began)}
	if err := r.d.runtime.Stop(ctx, r.deploymentID(rehearsal.Baseline)); err != nil {
		return done, err
	}
	if done.Written, err = r.Written(ctx); err != nil { // sessions tell what they wrote when they end
		return done, err
	}
	began = time.Now()
	if err := r.bringBack(ctx, server, copied); err != nil {
		return failed(ctx, err)
	}
	done.Took = time.Since(began)
	for name := range r.physical(rehearsal.Work) {
		info, err := os.Stat(copied.dump(name))
		if err != nil {
			return done, err
		}
		done.Bytes += info.Size()
	}
	done.Least, done.Most, done.Basis = r.growth(ctx)
	return done, r.forget(ctx, server)
}

// failed is a restore that cannot be done, unless it is the rehearsal that ends.
func failed(ctx context.Context, err error) (rehearsal.Restored, error) {
	if ctx.Err() != nil || understudy.KindOf(err) == understudy.KindUnavailable {
		return rehearsal.Restored{}, err
	}
	return rehearsal.Restored{Said: err.Error()}, nil
}

func (r restoring) bringBack(ctx context.Context, server *cluster.Cluster, copied safetyCopy) error {
	asides := map[string]string{}
	for name, physical := range r.physical(rehearsal.Work) {
		asides[physical] = cluster.Aside(physical, r.id)
		if err := server.Stage(ctx, copied.dump(name), physical, asides[physical]); err != nil {
			return err
		}
	}
	return server.Swap(ctx, asides)
}

// copied is where the rehearsal's safety copy is.
func (r restoring) copied() string {
	return r.d.options.State.Below("backups", ".rehearsed-"+r.id)
}

// forget removes the copy, and drops what a restore leaves beside the work copy.
func (r restoring) forget(ctx context.Context, server *cluster.Cluster) error {
	if !r.candidate.Application.Migration.Restores() {
		return nil
	}
	for _, physical := range r.physical(rehearsal.Work) {
		aside := cluster.Aside(physical, r.id)
		if err := errors.Join(server.Drop(ctx, aside), server.Unstage(ctx, aside)); err != nil {
			return err
		}
	}
	return os.RemoveAll(r.copied())
}

func (r restoring) Prepare(ctx context.Context) error { return r.prepare(ctx) }

func (r restoring) Written(ctx context.Context) (understudy.Written, error) {
	all, physical := understudy.Written{}, r.physical(rehearsal.Work)
	for name, database := range physical {
		err := r.d.reading(ctx, r.env, r.baseline.Application, name, database, func(conn *pgx.Conn) error {
			rows, _, err := postgres.Written(ctx, conn)
			for table, n := range rows {
				all[inDatabase(name, table, len(physical))] = n
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// growth is by how much restoring grows from the twin's databases to production's.
func (r restoring) growth(ctx context.Context) (least, most float64, basis string) {
	var twin, production []map[string]migration.Size
	_, names, err := r.d.running(ctx, r.target)
	for name, physical := range r.physical(rehearsal.Golden) {
		twin = append(twin, r.sizes(ctx, r.env, name, physical))
		if err == nil {
			production = append(production, r.sizes(ctx, r.target, name, names[name]))
		}
	}
	return migration.GrowthOf(twin, production)
}
