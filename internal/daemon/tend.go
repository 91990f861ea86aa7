package daemon

import (
	"context"
	"errors"
	"strings"
	"time"

	"understudy"
	"understudy/internal/runtime/process"
	"understudy/internal/store"
)

// tendEvery is the time between two looks at what should be up.
const tendEvery = time.Second

// tendAtMost is the longest pause before something that could not be brought back is
// tried again.
const tendAtMost = 30 * time.Second

// bringingBack holds an environment's stage while it is tended: for moments only, so
// whoever wants the stage meanwhile waits.
const bringingBack = "what brings it back up"

// tend sees, for as long as the daemon runs, that what should be up is up, whoever died:
// the database servers, the deployments that serve or are kept warm. A program
// that dies is its supervisor's care; this is for what nobody else watches.
func (d *Daemon) tend(ctx context.Context) {
	wards := map[string]*ward{}
	for {
		d.tendAll(ctx, wards)
		if (clock{}).Wait(ctx, tendEvery) != nil {
			return
		}
	}
}

// ward is something that is tended: it is left alone for longer and longer while it cannot
// be brought back.
type ward struct {
	failures int
	next     time.Time
}

// see tends one thing, if it is its time, and notes what could not be mended until it is.
func (d *Daemon) see(ctx context.Context, wards map[string]*ward, what string, mend func(context.Context) error) {
	w := wards[what]
	if w == nil {
		w = &ward{}
		wards[what] = w
	}
	if time.Now().Before(w.next) {
		return
	}
	err := mend(ctx)
	switch {
	case ctx.Err() != nil:
		return
	case err == nil:
		w.failures = 0
		d.notes.set(what, "")
		return
	}
	w.failures++
	w.next = time.Now().Add(min(time.Second<<min(w.failures, 10), tendAtMost))
	d.note(what, "bringing back %s: %v", what, err)
}

func (d *Daemon) tendAll(ctx context.Context, wards map[string]*ward) {
	all, err := store.All[standing](ctx, d.store, kindEnvironment)
	if err != nil {
		if ctx.Err() == nil {
			d.note("environments", "reading which environments should be up: %v", err)
		}
		return
	}
	d.notes.set("environments", "")
	for _, s := range all {
		if s.Up && s.Serving != "" {
			d.see(ctx, wards, s.Name, func(ctx context.Context) error { return d.lookAfter(ctx, s.Name) })
		}
		d.keepFlags(ctx, wards, s.Name)
	}
	d.tendLive(ctx, wards)
}

// tendLive sees that live twins are followed.
func (d *Daemon) tendLive(ctx context.Context, wards map[string]*ward) {
	all, err := store.All[following](ctx, d.store, kindFollowing)
	if err != nil {
		if ctx.Err() == nil {
			d.note("live twins", "reading which twins are kept current: %v", err)
		}
		return
	}
	d.notes.set("live twins", "")
	for _, r := range all {
		d.see(ctx, wards, "the following of "+r.Twin, func(ctx context.Context) error { return d.keepFollowing(ctx, r.Twin) })
	}
}

// lookAfter brings back what has died of an environment that should be up. Who has its
// stage is left to work, but for a promotion: that lasts, and production must serve
// meanwhile.
func (d *Daemon) lookAfter(ctx context.Context, name string) error {
	s, err := d.standing(ctx, name)
	if err != nil {
		return err
	}
	if well, err := d.well(ctx, s); err != nil || well {
		return err
	}
	give, err := d.stages.take(name, bringingBack)
	if err == nil {
		defer give()
		if restoring, err := d.restoringIn(ctx, name); err != nil || restoring {
			return err
		}
		return d.bringBack(ctx, name, s.Standby, "")
	}
	if holder := d.stages.holder(name); strings.Contains(holder, "promotion ") {
		return d.duringPromotion(ctx, s, holder[strings.LastIndex(holder, " ")+1:])
	}
	return nil
}

// duringPromotion brings back what serves beside what a promotion starts and stops, which is
// its own care; in the bake, also what is kept warm to go back to.
func (d *Daemon) duringPromotion(ctx context.Context, s standing, id string) error {
	p, err := records{d}.LoadPromotion(ctx, id)
	if err != nil {
		return err
	}
	if restores(p) {
		return nil
	}
	warm := ""
	if p.State == understudy.PromotionBaking {
		warm = p.Old
	}
	return d.bringBack(ctx, s.Name, warm, s.Name+"-"+id)
}

// well tells whether all of an environment is there, and notes in the record what has
// become ready.
func (d *Daemon) well(ctx context.Context, s standing) (bool, error) {
	env, p, err := d.environmentAsLastRead(ctx, s.Name)
	if err != nil {
		return false, err
	}
	if private(env) && len(p.Application.Databases) > 0 {
		server, err := d.server(env, p.Application, 0)
		if err != nil || !server.Running(ctx) {
			return false, err
		}
	}
	for _, id := range []string{s.Serving, s.Standby} {
		if id == "" {
			continue
		}
		status, err := d.runtime.Status(ctx, id)
		if err != nil {
			return false, otherThan(err, understudy.KindNotFound)
		}
		if err := d.cameUp(ctx, s, status); err != nil {
			return false, err
		}
	}
	if env.Listen == "" {
		return true, nil
	}
	front, err := d.front(ctx, s.Name)
	return len(front.Shares) > 0, err
}

// cameUp moves a deployment that was brought back to the state it was in before.
func (d *Daemon) cameUp(ctx context.Context, s standing, status process.Status) error {
	record, err := d.loadDeployment(ctx, status.ID)
	if err != nil || record.State != understudy.DeploymentStarting {
		return err
	}
	for _, program := range status.Programs {
		if program.State != process.StateHealthy && program.State != process.StateHeld {
			return nil
		}
	}
	state := understudy.DeploymentServing
	if status.ID == s.Standby {
		state = understudy.DeploymentStandby
	}
	return d.settle(ctx, status.ID, state)
}

// bringBack sees that an environment's server, its deployments and their shares are as
// they should be. Nothing is done to what still runs, however it fares.
func (d *Daemon) bringBack(ctx context.Context, name, standby, except string) error {
	s, err := d.standing(ctx, name)
	if err != nil || !s.Up || s.Serving == "" {
		return err
	}
	env, p, err := d.environmentAsLastRead(ctx, name)
	if err != nil {
		return err
	}
	if private(env) && len(p.Application.Databases) > 0 {
		if _, err := d.startServer(ctx, env, p); err != nil {
			return err
		}
	}
	var all []error
	for _, id := range []string{s.Serving, standby} {
		if id != "" && id != except {
			all = append(all, d.raise(ctx, id))
		}
	}
	if err := errors.Join(all...); err != nil || env.Listen == "" || except != "" {
		return err
	}
	front, err := d.front(ctx, name)
	if err != nil || len(front.Shares) > 0 {
		return err
	}
	return d.serve(ctx, name, map[string]int{s.Serving: 100})
}

// raise starts a deployment again as its record has it, where it does not run, and tells
// the router where it is now. Its supervisor sees to it that it becomes healthy.
func (d *Daemon) raise(ctx context.Context, id string) error {
	o, err := d.again(ctx, id)
	if err != nil {
		return err
	}
	if _, err := d.runtime.Status(ctx, id); understudy.KindOf(err) == understudy.KindNotFound {
		d.options.Log.Warn("a deployment had died and is started again", "deployment", id)
		if err := d.launch(ctx, o); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	return d.show(ctx, o)
}

// again is the order that a deployment was started by, with the configuration that it had.
func (d *Daemon) again(ctx context.Context, id string) (order, error) {
	record, err := d.loadDeployment(ctx, id)
	if err != nil {
		return order{}, err
	}
	env, _, err := d.environmentAsLastRead(ctx, record.Environment)
	if err != nil {
		return order{}, err
	}
	now, err := d.standing(ctx, record.Environment)
	if err != nil {
		return order{}, err
	}
	release, err := d.releaseByDigest(ctx, record.Release)
	second := !env.Sealed() && id != now.Serving
	return order{id: id, env: asStarted(env, record), release: release, databases: record.Databases, programs: true, second: second, again: true}, err
}

// otherThan is an error unless it is of a kind.
func otherThan(err error, kind understudy.Kind) error {
	if understudy.KindOf(err) == kind {
		return nil
	}
	return err
}
