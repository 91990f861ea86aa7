package daemon

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"understudy"
	"understudy/internal/api"
	"understudy/internal/postgres/cluster"
)

// restorer gives production's databases back as they were before a promotion's migration.
type restorer struct{ d *Daemon }

func (r restorer) Restorable(_ context.Context, environment string) (string, error) {
	env, _, err := r.d.environment(environment)
	if err != nil || private(env) {
		return "", err
	}
	if env.External {
		return fmt.Sprintf("%s is run by other means", env.Name), nil
	}
	names := slices.Sorted(maps.Keys(env.Databases))
	for _, name := range names {
		if env.Databases[name].URL != "" {
			return fmt.Sprintf("database %s is given by its url: its server is not Understudy's to put another database in its place", name), nil
		}
	}
	return "", nil
}

func (r restorer) Begin(ctx context.Context, environment, promotion string) error {
	copied, databases, err := r.d.safetyCopy(ctx, environment, promotion)
	if err != nil {
		return err
	}
	counted, err := copied.count(ctx, databases)
	if err != nil {
		return err
	}
	return copied.keep(migratedFile, counted)
}

func (r restorer) Lost(ctx context.Context, environment, promotion string) (understudy.Lost, error) {
	copied, _, err := r.d.safetyCopy(ctx, environment, promotion)
	if err != nil {
		return understudy.Lost{}, err
	}
	return copied.lost(ctx)
}

func (r restorer) Stage(ctx context.Context, environment, promotion string) error {
	copied, server, at, err := r.open(ctx, environment, promotion)
	if err != nil {
		return err
	}
	for name, physical := range at.Databases {
		if err := server.Stage(ctx, copied.dump(name), physical, cluster.Aside(physical, promotion)); err != nil {
			return err
		}
	}
	return nil
}

func (r restorer) Swap(ctx context.Context, environment, promotion string) ([]string, error) {
	_, server, at, err := r.open(ctx, environment, promotion)
	if err != nil {
		return nil, err
	}
	asides := at.asides(promotion)
	return slices.Sorted(maps.Values(asides)), server.Swap(ctx, asides)
}

// open reads what was noted of a copy and sees that the server runs.
func (r restorer) open(ctx context.Context, environment, promotion string) (safetyCopy, *cluster.Cluster, noted, error) {
	var at noted
	copied, _, err := r.d.safetyCopy(ctx, environment, promotion)
	if err != nil {
		return copied, nil, at, err
	}
	if err := copied.read(notedFile, &at); err != nil {
		return copied, nil, at, err
	}
	server, err := r.d.server(copied.env, copied.app, 0)
	if err != nil {
		return copied, nil, at, err
	}
	return copied, server, at, server.Start(ctx)
}

// roomToRestore refuses where the disk has too little room for giving a promotion's databases
// back, before anybody is shut out for it. What is under way already has taken its room.
func (d *Daemon) roomToRestore(ctx context.Context, p understudy.Promotion) error {
	if p.SafetyCopy == "" || p.State == understudy.PromotionRollingBack {
		return nil
	}
	_, server, at, err := restorer{d}.open(ctx, p.To, p.ID)
	if err != nil {
		return err
	}
	now, err := server.Sizes(ctx, slices.Collect(maps.Values(at.Databases)))
	if err != nil {
		return err
	}
	return server.RoomToStage(ctx, at.wanted(now), at.asides(p.ID))
}

// restores tells whether a promotion gives the databases back: no program may run meanwhile.
func restores(p understudy.Promotion) bool {
	return p.State == understudy.PromotionRollingBack && p.Restore != nil
}

// restoringIn tells whether one does so in an environment, though it may not have gone on
// yet, as when the machine has just started.
func (d *Daemon) restoringIn(ctx context.Context, environment string) (bool, error) {
	all, err := d.Promotions(ctx)
	return slices.ContainsFunc(all, func(p understudy.Promotion) bool { return p.To == environment && restores(p) }), err
}

// shutter keeps customers out of an environment.
type shutter struct{ d *Daemon }

const (
	// waitAtMost is how long customers are left to wait: what is expected to take longer is said
	// on a page. The pause itself lasts longer, as what is expected is not certain; past it they
	// are answered that they should try again.
	waitAtMost   = 10 * time.Second
	pausedAtMost = 30 * time.Second
)

func (s shutter) Shut(ctx context.Context, environment string, expected time.Duration, promotion string) (string, error) {
	env, _, err := s.d.environment(environment)
	if err != nil {
		return "", err
	}
	now, err := s.d.standing(ctx, environment)
	switch {
	case err != nil:
		return "", err
	case env.Listen == "":
		return "it has no front door that could be shut", nil
	case now.Maintenance != nil:
		return "customers are shown the page of maintenance", nil
	case expected > 0 && expected <= waitAtMost:
		return fmt.Sprintf("customers wait meanwhile, as it is expected to take %s at most", expected.Round(10*time.Millisecond)),
			notThere(s.d.router.Pause(ctx, environment, pausedAtMost))
	}
	err = s.d.Maintain(ctx, api.Maintain{Environment: environment, By: restoringBy, Reason: restoringWhy(promotion)})
	return "customers are shown the page of maintenance meanwhile", err
}

// restoringBy closes an environment while its databases are restored.
const restoringBy = "understudy"

func restoringWhy(promotion string) string {
	return "promotion " + promotion + " is taken back, and the databases are restored"
}

func (s shutter) Unshut(ctx context.Context, environment, promotion string) error {
	now, err := s.d.standing(ctx, environment)
	if err != nil {
		return err
	}
	if m := now.Maintenance; m != nil && m.Reason == restoringWhy(promotion) {
		if err := s.d.EndMaintenance(ctx, api.EndMaintenance{Environment: environment, By: restoringBy, Reason: m.Reason}); err != nil {
			return err
		}
	}
	return notThere(s.d.router.Resume(ctx, environment))
}

func (s shutter) Quit(ctx context.Context, id string) error { return s.d.runtime.Stop(ctx, id) }
