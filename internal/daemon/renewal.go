package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"understudy"
	"understudy/internal/postgres/follow"
	"understudy/internal/store"
)

// awaitRenewal writes down that a following ended with a change of production's schema.
// What it has there stays for the next copy, which has to read what changed only.
func (d *Daemon) awaitRenewal(ctx context.Context, r following, why string) error {
	_, err := d.noteStopped(ctx, r, why, true)
	return err
}

// guardEvery is the time between two looks at the log that production keeps for a next copy.
const guardEvery = 30 * time.Second

// guardLog sees that production keeps no more log for a copy that nobody asks for than it may,
// and none where the twin is not to be followed any more.
func (d *Daemon) guardLog(ctx context.Context, r following) error {
	if !d.live.due(r.Twin, guardEvery) {
		return nil
	}
	env, _, err := d.environmentAsLastRead(ctx, r.Twin)
	switch {
	case err != nil:
		return err
	case !env.Copying.Follow:
		return d.endFollowing(ctx, r.Twin, "copy: follow: is no longer asked for")
	}
	source, p, err := d.environmentAsLastRead(ctx, r.Of)
	if err != nil {
		return err
	}
	for _, f := range r.Copies {
		from, err := d.source(ctx, source, p.Application, f.Database, f.Source)
		if err != nil {
			return err
		}
		err = follow.Kept(ctx, follow.Spec{Source: from, Name: f.Name})
		if understudy.KindOf(err) == understudy.KindUnavailable {
			return err
		}
		if err != nil {
			d.options.Log.Warn("the next copy of a twin has to be of all of production", "twin", r.Twin, "error", err)
			return d.concludeFollowing(ctx, r, whyStopped(err))
		}
	}
	return nil
}

// adoptNext has the snapshot that took the place of a followed one followed, if it has.
func (d *Daemon) adoptNext(ctx context.Context, r following) (following, error) {
	if r.Next == "" {
		return r, nil
	}
	var latest understudy.Snapshot
	err := d.store.Get(ctx, kindSnapshot, r.Twin, &latest)
	if err != nil || latest.ID != r.Next {
		return r, otherThan(err, understudy.KindNotFound)
	}
	return store.Update(context.WithoutCancel(ctx), d.store, kindFollowing, r.Twin, func(now *following) error {
		if now.Next == latest.ID {
			*now = following{Twin: now.Twin, Of: now.Of, Snapshot: now.Next, Copies: now.Copies}
		}
		return nil
	})
}

// renew makes the copies of a twin whose following awaits them: what changed is read from
// production, the rest from the copies that were followed so far. Not done: there are none,
// or they are of no use, and nothing was made.
func (c copier) renew(ctx context.Context, o copyOrder, tell func(string)) (copies []understudy.DatabaseCopy, done bool, err error) {
	r, found, err := c.d.following(ctx, o.twin)
	if err != nil || !found || !r.Awaits || r.Of != o.source.Name || len(r.Copies) != len(o.app.Databases) {
		return nil, false, err
	}
	renewals := map[string]*follow.Renewal{}
	defer func() {
		for _, renewal := range renewals {
			err = errors.Join(err, renewal.Close(ctx))
		}
	}()
	if err := o.place.current.Start(ctx); err != nil {
		return nil, false, err
	}
	have, err := o.place.current.Databases(ctx)
	if err != nil {
		return nil, false, err
	}
	for _, f := range r.Copies {
		if !slices.Contains(have, golden(f.Database, r.Snapshot)) { // a crash came between the new server and its record
			tell("copying all of " + f.Database + " again: the copy before is gone")
			return nil, false, nil
		}
		renewal, err := c.renewal(ctx, o, r, f, tell)
		if reason := new(follow.Whole); errors.As(err, &reason) {
			tell("copying all of " + f.Database + " again: " + reason.Why)
			return nil, false, nil
		}
		if err != nil {
			return nil, false, err
		}
		renewals[f.Database] = renewal
		tell(f.Database + ": " + renewal.String())
	}
	if copies, err = c.copyRenewed(ctx, o, renewals, tell); err != nil {
		return nil, false, err
	}
	_, err = store.Update(context.WithoutCancel(ctx), c.d.store, kindFollowing, o.twin, func(now *following) error {
		if now.Snapshot == r.Snapshot && now.Awaits {
			now.Next = o.snapshot
		}
		return nil
	})
	return copies, err == nil, err
}

// renewal finds the moment for one database's new copy.
func (c copier) renewal(ctx context.Context, o copyOrder, r following, f followed, tell func(string)) (*follow.Renewal, error) {
	from, err := c.d.source(ctx, o.source, o.app, f.Database, f.Source)
	if err != nil {
		return nil, err
	}
	spec := c.d.followSpec(understudy.Environment{Name: o.twin, Copying: o.copying}, f, from, o.place.next.AdminURL(golden(f.Database, o.snapshot)), o.masks)
	spec.Notice = tell
	return follow.Renew(ctx, spec, o.place.current.AdminURL(golden(f.Database, r.Snapshot)))
}

func (c copier) copyRenewed(ctx context.Context, o copyOrder, renewals map[string]*follow.Renewal, tell func(string)) ([]understudy.DatabaseCopy, error) {
	if err := o.place.next.StartForLoading(ctx); err != nil {
		return nil, err
	}
	var copies []understudy.DatabaseCopy
	for _, database := range o.app.Databases {
		renewal := renewals[database.Name]
		if renewal == nil {
			return nil, understudy.Errorf(understudy.KindInternal, "copying what changed: database %s was not followed", database.Name)
		}
		spec, err := c.ordered(ctx, o, database, tell)
		if err != nil {
			return nil, err
		}
		spec.Snapshot, spec.Earlier = renewal.Snapshot, renewal.Earlier
		made, err := c.copyProven(ctx, o, database.Name, spec)
		if err != nil {
			return nil, err
		}
		tell(fmt.Sprintf("%s: %d of %d rows were read from production", database.Name, made.Cost.Rows, made.Rows()))
		copies = append(copies, made)
		if err := renewal.Joined(ctx); err != nil {
			return nil, err
		}
	}
	return copies, nil
}
