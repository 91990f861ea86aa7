package daemon

import (
	"context"
	"maps"
	"slices"
	"strings"

	"understudy"
	"understudy/internal/router"
)

// serve gives deployments their shares of an environment's traffic, in the router first
// and then in the record: after a crash the router's word holds.
func (d *Daemon) serve(ctx context.Context, environment string, shares map[string]int) error {
	ctx = context.WithoutCancel(ctx)
	now, err := d.standing(ctx, environment)
	if err != nil {
		return err
	}
	if shares, err = d.everStarted(ctx, shares); err != nil {
		return err
	}
	// Whoever serves now comes first: as the others' shares grow, clients move one way.
	rank := func(id string) string {
		if id == now.Serving {
			return "" // before all others
		}
		return id
	}
	ids := slices.SortedFunc(maps.Keys(shares), func(a, b string) int { return strings.Compare(rank(a), rank(b)) })
	var split []router.Share
	for _, id := range ids {
		if shares[id] > 0 {
			split = append(split, router.Share{Deployment: id, Percent: shares[id]})
		}
	}
	if err := d.router.Split(ctx, environment, split); err != nil {
		return err
	}
	for id, percent := range shares {
		state := understudy.DeploymentServing
		if percent == 0 {
			state = understudy.DeploymentStandby
		}
		if err := d.settle(ctx, id, state); err != nil {
			return err
		}
	}
	return d.changeStanding(ctx, environment, func(s *standing) {
		s.Shares = shares
		for id, percent := range shares {
			switch {
			case percent == 100:
				s.Serving = id
			case percent == 0:
				s.Standby = id
			}
		}
		if s.Standby == s.Serving {
			s.Standby = ""
		}
	})
}

// everStarted leaves out what gets no share and was never started, as when a promotion turns
// back before its release was: nobody keeps that warm.
func (d *Daemon) everStarted(ctx context.Context, shares map[string]int) (map[string]int, error) {
	out := map[string]int{}
	for id, percent := range shares {
		_, err := d.loadDeployment(ctx, id)
		switch {
		case err == nil || percent > 0:
			out[id] = percent
		case understudy.KindOf(err) != understudy.KindNotFound:
			return nil, err
		}
	}
	return out, nil
}

// settle moves a deployment to serving or standby by the moves that lead there.
func (d *Daemon) settle(ctx context.Context, id string, state understudy.DeploymentState) error {
	record, err := d.loadDeployment(ctx, id)
	if understudy.KindOf(err) == understudy.KindNotFound || record.State == understudy.DeploymentGone {
		return nil
	}
	if err != nil {
		return err
	}
	if record.State == understudy.DeploymentStarting { // brought back, and seen before it was known to be ready
		if err := d.mark(ctx, id, understudy.DeploymentReady, ""); err != nil {
			return err
		}
		record.State = understudy.DeploymentReady
	}
	if record.State == understudy.DeploymentReady && state == understudy.DeploymentStandby {
		return nil // it has never served
	}
	return d.mark(ctx, id, state, "")
}

// drain waits until a deployment that serves no more has answered what it had begun.
func (d *Daemon) drain(ctx context.Context, environment, id string) (int, error) {
	drained, err := d.router.Drain(ctx, environment, id, drainFor)
	if understudy.KindOf(err) == understudy.KindNotFound {
		return 0, nil
	}
	return drained.Cancelled, err
}

// endAll stops everything that runs in an environment, and forgets who served.
func (d *Daemon) endAll(ctx context.Context, environment string) error {
	ctx = context.WithoutCancel(ctx)
	ids, err := d.runtime.List(ctx)
	if err != nil {
		return err
	}
	for _, id := range ids {
		status, err := d.runtime.Status(ctx, id)
		if understudy.KindOf(err) == understudy.KindNotFound {
			continue
		}
		if err != nil {
			return err
		}
		if status.Environment == environment {
			if err := d.runtime.Stop(ctx, id); err != nil {
				return err
			}
			if err := d.mark(ctx, id, understudy.DeploymentGone, ""); err != nil {
				return err
			}
		}
	}
	if err := d.router.Close(ctx, environment); err != nil && understudy.KindOf(err) != understudy.KindNotFound && understudy.KindOf(err) != understudy.KindUnavailable {
		return err
	}
	return nil
}
