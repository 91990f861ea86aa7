package daemon

import (
	"context"
	"errors"
	"fmt"

	"understudy"
	"understudy/internal/config"
	"understudy/internal/promotion"
)

// archive finds releases and what is attested of them.
type archive struct{ d *Daemon }

func (a archive) Release(ctx context.Context, digest understudy.Digest) (understudy.Release, error) {
	return a.d.releaseByDigest(ctx, digest)
}

func (a archive) Attested(ctx context.Context, release understudy.Digest) (string, understudy.Digest, understudy.Statement, error) {
	v, found, err := a.d.newestVerdict(ctx, release)
	if err != nil {
		return "", "", understudy.Statement{}, err
	}
	if !found {
		return "", "", understudy.Statement{}, promotion.Unrehearsed{Why: fmt.Sprintf("it was never rehearsed: there is no verdict for release %s", release.Short())}
	}
	s, err := a.d.verified(v)
	if why := revoked(v); why != "" {
		err = promotion.Unrehearsed{Why: why}
	}
	return v.ID, understudy.DigestOf(v.Envelope), s, err
}

func (a archive) Policy(context.Context, string) (understudy.Policy, error) {
	p, err := a.d.project()
	return p.Policy.WithDefaults(), err
}

// production is the environment that releases are promoted to.
type production struct{ d *Daemon }

func (p production) Observe(ctx context.Context, environment string) (understudy.Fingerprint, error) {
	return p.d.Observe(ctx, environment)
}

func (p production) Held(ctx context.Context, environment string) (string, error) {
	now, err := p.d.standing(ctx, environment)
	return now.Held, err
}

func (p production) Hold(ctx context.Context, environment, reason string) error {
	now, err := p.d.standing(ctx, environment)
	if err != nil || now.Held == reason { // said already
		return err
	}
	if err := (recorder{p.d, "understudy"}).Record(ctx, "hold.placed", environment, reason, nil); err != nil {
		return err
	}
	return p.d.changeStanding(ctx, environment, func(s *standing) { s.Held = reason })
}

func (p production) Serving(ctx context.Context, environment string) (serving, standby understudy.Deployment, err error) {
	now, err := p.d.standing(ctx, environment)
	if err != nil {
		return serving, standby, err
	}
	for id, into := range map[string]*understudy.Deployment{now.Serving: &serving, now.Standby: &standby} {
		if id == "" {
			continue
		}
		record, err := p.d.loadDeployment(ctx, id)
		if err != nil {
			return serving, standby, err
		}
		if record.State != understudy.DeploymentGone || id == now.Serving {
			*into = record.Deployment
		}
	}
	return serving, standby, nil
}

// deployments starts and stops releases for promotions.
type deployments struct{ d *Daemon }

func (p deployments) Start(ctx context.Context, id, environment string, release understudy.Release, configured string) error {
	env, _, err := p.d.environment(environment)
	if err != nil {
		return err
	}
	o := order{id: id, env: env, release: release, databases: physicals(release.Application), programs: true, second: true, configured: configured}
	if err := p.d.deploy(ctx, o); err != nil {
		return err
	}
	return p.d.runsAsGiven(ctx, id)
}

func (p deployments) Revive(ctx context.Context, id string) error {
	_, err := p.d.runtime.Status(ctx, id)
	if err == nil {
		record, err := p.d.loadDeployment(ctx, id)
		if err != nil || record.State != understudy.DeploymentStarting {
			return err
		} // whoever started it died before it was ready
	} else if understudy.KindOf(err) != understudy.KindNotFound {
		return err
	}
	return p.d.revive(config.ReadOnce(ctx), id) // long after the promotion's start, maybe
}

// revive starts a deployment again and waits until it is ready.
func (d *Daemon) revive(ctx context.Context, id string) error {
	o, err := d.again(ctx, id)
	if err != nil {
		return err
	}
	return d.deploy(ctx, o)
}

func (p deployments) Stop(ctx context.Context, id string) error {
	record, err := p.d.loadDeployment(ctx, id)
	if understudy.KindOf(err) == understudy.KindNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	err = p.d.retire(ctx, record.Environment, id)
	return errors.Join(err, p.d.changeStanding(ctx, record.Environment, func(s *standing) {
		if s.Standby == id {
			s.Standby = ""
		}
		delete(s.Shares, id)
	}))
}

// schema changes production's databases.
type schema struct{ d *Daemon }

func (s schema) SafetyCopy(ctx context.Context, environment, promotion string) (string, error) {
	made, databases, err := s.d.safetyCopy(ctx, environment, promotion)
	if err != nil {
		return "", err
	}
	return made.dir, made.make(ctx, databases)
}

// door is an environment's front door, for promotions.
type door struct{ d *Daemon }

func (p door) Split(ctx context.Context, environment, old, fresh string, percent int) error {
	shares := map[string]int{fresh: percent}
	if old != "" {
		shares[old] = 100 - percent
	}
	return p.d.serve(ctx, environment, shares)
}

func (p door) Drain(ctx context.Context, environment, deployment string) (int, error) {
	return p.d.drain(ctx, environment, deployment)
}

func (p door) Reset(ctx context.Context, environment string) error {
	return p.d.router.ResetFigures(ctx, environment)
}

func (p door) Served(ctx context.Context, environment, old, fresh string) (understudy.Side, understudy.Side, error) {
	front, err := p.d.front(ctx, environment)
	var a, b understudy.Side
	for _, slot := range front.Slots {
		side := understudy.Side{Served: slot.Served, Running: slot.Running}
		switch slot.Deployment {
		case old:
			a = side
		case fresh:
			b = side
		}
	}
	return a, b, err
}
