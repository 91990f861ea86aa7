package daemon

import (
	"context"

	"understudy"
	"understudy/internal/store"
)

// The kinds of records.
const (
	kindRelease     = "release"
	kindLabel       = "label"
	kindDeployment  = "deployment"
	kindEnvironment = "environment"
	kindSnapshot    = "snapshot"
	kindRehearsal   = "rehearsal"
	kindVerdict     = "verdict"
	kindPromotion   = "promotion"
	kindApproval    = "approval"
	kindFollowing   = "following"   // of a live twin
	kindParity      = "parity"      // a stretch of measurements that found the same
	kindParityList  = "parity-list" // what they found, by its digest
	kindNotified    = "notification"
	kindCursor      = "cursor"  // in the journal
	kindLife        = "life"    // of the daemon
	kindFlags       = "flags"   // of an environment
	kindProject     = "project" // understudy.yaml, as it could last be read
)

// records keeps rehearsals and promotions, and rings for whoever watches them.
type records struct{ d *Daemon }

func (r records) LoadRehearsal(ctx context.Context, id string) (understudy.Rehearsal, error) {
	var out understudy.Rehearsal
	err := r.d.store.Get(ctx, kindRehearsal, id, &out)
	return out, err
}

func (r records) SaveRehearsal(ctx context.Context, v understudy.Rehearsal) error {
	defer r.d.bell.ring(v.ID)
	return r.d.store.Put(context.WithoutCancel(ctx), kindRehearsal, v.ID, v)
}

func (r records) LoadPromotion(ctx context.Context, id string) (understudy.Promotion, error) {
	var out understudy.Promotion
	err := r.d.store.Get(ctx, kindPromotion, id, &out)
	return out, err
}

func (r records) SavePromotion(ctx context.Context, v understudy.Promotion) error {
	defer r.d.bell.ring(v.ID)
	err := r.d.store.Put(context.WithoutCancel(ctx), kindPromotion, v.ID, v)
	if err == nil {
		r.d.notes.set(stuckAt(v.ID), "")
	}
	return err
}

// standing is what an environment should be doing, whoever died meanwhile.
type standing struct {
	Name    string         `json:"name"`
	Up      bool           `json:"up"`
	Serving string         `json:"serving,omitempty"` // deployment
	Standby string         `json:"standby,omitempty"` // kept warm
	Shares  map[string]int `json:"shares,omitempty"`  // percent, by deployment
	Held    string         `json:"held,omitempty"`

	Expiring    string      `json:"expiring,omitempty"`    // what was told of its certificates
	Maintenance *maintained `json:"maintenance,omitempty"` // nil: open to customers
}

func (d *Daemon) standing(ctx context.Context, environment string) (standing, error) {
	out := standing{Name: environment}
	err := d.store.Get(ctx, kindEnvironment, environment, &out)
	if understudy.KindOf(err) == understudy.KindNotFound {
		return standing{Name: environment}, nil
	}
	return out, err
}

// changeStanding reads, changes and writes what an environment should be doing.
func (d *Daemon) changeStanding(ctx context.Context, environment string, change func(*standing)) error {
	ctx = context.WithoutCancel(ctx)
	now, err := d.standing(ctx, environment)
	if err != nil {
		return err
	}
	if err := d.store.Get(ctx, kindEnvironment, environment, &standing{}); understudy.KindOf(err) == understudy.KindNotFound {
		change(&now)
		return d.store.Put(ctx, kindEnvironment, environment, now)
	}
	_, err = store.Update(ctx, d.store, kindEnvironment, environment, func(s *standing) error {
		change(s)
		return nil
	})
	return err
}

// deployment is a record of a deployment with what only the daemon needs of it.
type deployment struct {
	understudy.Deployment
	Sealed bool `json:"sealed"`
	// With is the configuration that it was started with; nil: by a version that did not keep it.
	With *startedWith `json:"with,omitempty"`
}

func (d *Daemon) loadDeployment(ctx context.Context, id string) (deployment, error) {
	var out deployment
	err := d.store.Get(ctx, kindDeployment, id, &out)
	return out, err
}

// mark moves a deployment to a state, where that is allowed.
func (d *Daemon) mark(ctx context.Context, id string, state understudy.DeploymentState, reason string) error {
	ctx = context.WithoutCancel(ctx)
	_, err := store.Update(ctx, d.store, kindDeployment, id, func(dep *deployment) error {
		if dep.State == state {
			return nil
		}
		if !dep.State.CanBecome(state) && dep.State != understudy.DeploymentGone {
			return understudy.Errorf(understudy.KindInternal, "deployment %s cannot go from %s to %s", id, dep.State, state)
		}
		dep.State, dep.Reason, dep.ChangedAt = state, reason, clock{}.Now()
		return nil
	})
	if understudy.KindOf(err) == understudy.KindNotFound {
		return nil
	}
	return err
}
