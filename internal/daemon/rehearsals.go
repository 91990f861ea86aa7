package daemon

import (
	"context"
	"fmt"
	"time"

	"understudy"
	"understudy/internal/api"
	"understudy/internal/config"
	"understudy/internal/rehearsal"
	"understudy/internal/store"
)

// Rehearse queues a rehearsal and returns.
func (d *Daemon) Rehearse(ctx context.Context, request api.Rehearse) (understudy.Rehearsal, error) {
	request.By = d.actor(ctx, request.By)
	release, err := d.Release(ctx, request.Release)
	if err != nil {
		return understudy.Rehearsal{}, err
	}
	twin, err := d.twinFor(request.On)
	if err != nil {
		return understudy.Rehearsal{}, err
	}
	target, _, err := d.environment(twin.TwinOf)
	if err != nil {
		return understudy.Rehearsal{}, err
	}
	if _, _, err := d.running(ctx, target); err != nil {
		return understudy.Rehearsal{}, fmt.Errorf("a rehearsal needs a production to be a twin of: %w", err)
	}
	r := understudy.Rehearsal{
		ID: newID(), Candidate: release.Digest, Label: release.Label, On: twin.Name, For: twin.TwinOf,
		State: understudy.RehearsalQueued, WaitsFor: d.stages.holder(twin.Name), QueuedAt: time.Now(), By: request.By,
	}
	facts := map[string]string{"release": r.Label, "digest": string(r.Candidate), "on": r.On, "for": r.For}
	if err := (recorder{d, request.By}).Record(ctx, "rehearsal.queued", r.ID, "", facts); err != nil {
		return r, err
	}
	if err := (records{d}).SaveRehearsal(ctx, r); err != nil {
		return r, err
	}
	d.queue(twin.Name)
	return r, nil
}

// twinFor finds the twin that a rehearsal is to run on.
func (d *Daemon) twinFor(name string) (understudy.Environment, error) {
	if name != "" {
		e, _, err := d.environment(name)
		if err == nil && e.TwinOf == "" {
			err = understudy.Errorf(understudy.KindInvalid, "%s is no twin, so nothing can be rehearsed there", name).
				WithHint("write twin_of: production below environments.%s", name)
		}
		return e, err
	}
	p, err := d.project()
	if err != nil {
		return understudy.Environment{}, err
	}
	for _, e := range p.Environments {
		if e.TwinOf != "" {
			twin, _, err := d.environment(e.Name)
			return twin, err
		}
	}
	return understudy.Environment{}, understudy.Errorf(understudy.KindInvalid, "no environment is a twin of another").
		WithHint("write twin_of: production below environments.staging in understudy.yaml")
}

// queue sees that the rehearsals that wait for a twin run, one after the other. One that
// is there already is woken.
func (d *Daemon) queue(twin string) {
	d.acts.begin(d.life, "queue "+twin, func(ctx context.Context) {
		for ctx.Err() == nil {
			d.serveQueue(ctx, twin)
		}
	})
	d.bell.ring("queue " + twin)
}

// serveQueue runs the next rehearsal, or waits until there is one. What could not be
// carried on is left for a moment and tried again: nobody else would.
func (d *Daemon) serveQueue(ctx context.Context, twin string) {
	woken := d.bell.wait("queue " + twin)
	next, err := d.nextOn(ctx, twin)
	switch {
	case err == nil && next == "":
		select {
		case <-woken:
		case <-ctx.Done():
		}
		return
	case err == nil && d.rehearse(ctx, twin, next):
		return
	case err != nil && ctx.Err() == nil:
		d.options.Log.Error("looking for the next rehearsal; it is tried again", "twin", twin, "error", err)
	}
	_ = clock{}.Wait(ctx, 2*time.Second) // when ctx ends, whoever called sees it
}

// nextOn is the rehearsal whose turn it is: one that was interrupted, else the first queued.
func (d *Daemon) nextOn(ctx context.Context, twin string) (string, error) {
	all, err := store.All[understudy.Rehearsal](ctx, d.store, kindRehearsal)
	if err != nil {
		return "", err
	}
	first := ""
	for _, r := range all {
		switch {
		case r.On != twin || r.State.Ended():
		case r.State == understudy.RehearsalRunning:
			return r.ID, nil
		case first == "":
			first = r.ID
		}
	}
	return first, nil
}

// rehearse runs one rehearsal and tells whether the queue can go on.
func (d *Daemon) rehearse(ctx context.Context, twin, id string) bool {
	give, err := d.stages.await(ctx, twin, "rehearsal "+id, anybody)
	if err != nil {
		return false
	}
	defer give()
	done := make(chan struct{})
	d.acts.begin(ctx, id, func(ctx context.Context) {
		defer close(done)
		if err := d.rehearsals.Run(config.ReadOnce(ctx), id); err != nil && ctx.Err() == nil {
			d.options.Log.Error("the rehearsal could not be carried on", "rehearsal", id, "error", err)
		}
	})
	<-done
	r, err := records{d}.LoadRehearsal(context.WithoutCancel(ctx), id)
	return err == nil && r.State.Ended()
}

// Rehearsals lists the rehearsals, oldest first.
func (d *Daemon) Rehearsals(ctx context.Context) ([]understudy.Rehearsal, error) {
	return store.All[understudy.Rehearsal](ctx, d.store, kindRehearsal)
}

// Rehearsal shows one.
func (d *Daemon) Rehearsal(ctx context.Context, id string) (understudy.Rehearsal, error) {
	r, err := records{d}.LoadRehearsal(ctx, id)
	if understudy.KindOf(err) == understudy.KindNotFound {
		return r, understudy.Errorf(understudy.KindNotFound, "there is no rehearsal %q", id).WithHint("see what there is: understudy rehearsal list")
	}
	return r, err
}

// WatchRehearsal hands on a rehearsal at once and at each change until it has ended.
func (d *Daemon) WatchRehearsal(ctx context.Context, id string, each func(understudy.Rehearsal) error) error {
	return watch(ctx, d.bell, id, d.Rehearsal, func(r understudy.Rehearsal) bool { return r.State.Ended() }, each)
}

// CancelRehearsal ends one, whether it waits or runs.
func (d *Daemon) CancelRehearsal(ctx context.Context, id, by string) error {
	by = d.actor(ctx, by)
	r, err := d.Rehearsal(ctx, id)
	switch {
	case err != nil:
		return err
	case r.State.Ended():
		return understudy.Errorf(understudy.KindConflict, "rehearsal %s has ended already: %s", id, r.State)
	}
	if err := (recorder{d, by}).Record(ctx, actCancel, id, "", nil); err != nil {
		return err
	}
	if d.acts.stop(id, fmt.Errorf("%w by %s", rehearsal.ErrCancelled, by)) {
		return nil
	}
	r.State, r.Reason, r.EndedAt = understudy.RehearsalCancelled, "cancelled by "+by, time.Now()
	return records{d}.SaveRehearsal(ctx, r)
}
