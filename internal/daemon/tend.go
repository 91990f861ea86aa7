package daemon

import (
	"context"
	"errors"
	"strings"
	"sync"
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
	t := tending{d: d}
	defer t.under.Wait()
	for {
		t.all(ctx)
		if (clock{}).Wait(ctx, tendEvery) != nil {
			return
		}
	}
}

// tendOnce does the same once, and waits until all of it was seen to.
func (d *Daemon) tendOnce(ctx context.Context) {
	t := tending{d: d}
	t.all(ctx)
	t.under.Wait()
}

// tending looks after environments and live twins side by side: a server that takes a minute to
// come back does not hold up another environment.
type tending struct {
	d     *Daemon
	under sync.WaitGroup

	mutex sync.Mutex
	busy  map[string]bool // who is looked after at this moment
	wards map[string]*ward
}

// ward is something that is tended: it is left alone for longer and longer while it cannot
// be brought back.
type ward struct {
	failures int
	next     time.Time
}

// aside looks after somebody beside the others, unless that is being done still.
func (t *tending) aside(who string, look func()) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if t.busy[who] {
		return
	}
	if t.busy == nil {
		t.busy, t.wards = map[string]bool{}, map[string]*ward{}
	}
	t.busy[who] = true
	t.under.Go(func() {
		defer func() {
			t.mutex.Lock()
			defer t.mutex.Unlock()
			delete(t.busy, who)
		}()
		look()
	})
}

// ward is that of one thing, which always belongs to the same one who is looked after.
func (t *tending) ward(what string) *ward {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if t.wards[what] == nil {
		t.wards[what] = &ward{}
	}
	return t.wards[what]
}

// see tends one thing, if it is its time, and notes what could not be mended until it is.
func (t *tending) see(ctx context.Context, what string, mend func(context.Context) error) {
	w := t.ward(what)
	if time.Now().Before(w.next) {
		return
	}
	err := mend(ctx)
	switch {
	case ctx.Err() != nil:
		return
	case err == nil:
		w.failures = 0
		t.d.notes.set(what, "")
		return
	}
	w.failures++
	w.next = time.Now().Add(min(time.Second<<min(w.failures, 10), tendAtMost))
	t.d.note(what, "bringing back %s: %v", what, err)
}

func (t *tending) all(ctx context.Context) {
	all, err := store.All[standing](ctx, t.d.store, kindEnvironment)
	if err != nil {
		if ctx.Err() == nil {
			t.d.note("environments", "reading which environments should be up: %v", err)
		}
		return
	}
	t.d.notes.set("environments", "")
	for _, s := range all {
		t.aside(s.Name, func() {
			if s.Up && s.Serving != "" {
				t.see(ctx, s.Name, func(ctx context.Context) error { return t.d.lookAfter(ctx, s.Name) })
			}
			t.flags(ctx, s.Name)
		})
	}
	t.live(ctx)
}

// live sees that live twins are followed.
func (t *tending) live(ctx context.Context) {
	all, err := store.All[following](ctx, t.d.store, kindFollowing)
	if err != nil {
		if ctx.Err() == nil {
			t.d.note("live twins", "reading which twins are kept current: %v", err)
		}
		return
	}
	t.d.notes.set("live twins", "")
	for _, r := range all {
		matter := "the following of " + r.Twin
		t.aside(matter, func() {
			t.see(ctx, matter, func(ctx context.Context) error { return t.d.keepFollowing(ctx, r.Twin) })
		})
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
		if s, err = d.standing(ctx, name); err != nil { // a promotion may have ended since, and stopped what was kept warm
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
	if s.Serving != except {
		if err := d.raise(ctx, s.Serving); err != nil {
			all = append(all, err)
		} else if except == "" {
			all = append(all, d.shareAgain(ctx, env, s.Serving))
		}
	}
	if standby != "" && standby != except {
		all = append(all, d.keepWarm(ctx, standby)) // whose failing is nothing to those who are served
	}
	return errors.Join(all...)
}

// shareAgain has a deployment serve all of an environment's requests, where the router knows of
// no shares.
func (d *Daemon) shareAgain(ctx context.Context, env understudy.Environment, id string) error {
	if env.Listen == "" {
		return nil
	}
	front, err := d.front(ctx, env.Name)
	if err != nil || len(front.Shares) > 0 {
		return err
	}
	return d.serve(ctx, env.Name, map[string]int{id: 100})
}

// keepWarm starts again what is there to go back to, where it does not run and nobody has
// stopped it: a promotion that settles may do so at this very moment.
func (d *Daemon) keepWarm(ctx context.Context, id string) error {
	give, err := d.fates.take(id, bringingBack)
	if err != nil { // it is being stopped
		return nil
	}
	defer give()
	record, err := d.loadDeployment(ctx, id)
	if err != nil || record.State == understudy.DeploymentGone {
		return err
	}
	return d.raise(ctx, id)
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
