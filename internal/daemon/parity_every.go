package daemon

import (
	"context"
	"time"

	"understudy"
	"understudy/internal/config"
)

// lookEvery is the longest between two looks at what is to be measured: understudy.yaml may
// say something else by then.
const lookEvery = time.Minute

// keepMeasuring measures every twin each parity.every, for as long as the daemon runs.
func (d *Daemon) keepMeasuring(ctx context.Context) {
	for (clock{}).Wait(ctx, d.measureDue(ctx)) == nil {
	}
}

// measureDue measures the twins whose time has come, and says how long nothing is to be done.
func (d *Daemon) measureDue(ctx context.Context) time.Duration {
	p, err := d.asLastRead(ctx)
	if err != nil || p.ParityEvery == 0 {
		return lookEvery // whoever keeps things up notes what is wrong with the file
	}
	all, err := d.allStretches(ctx)
	if err != nil {
		return lookEvery
	}
	next := lookEvery
	for _, e := range p.Environments {
		if e.TwinOf == "" {
			continue
		}
		wait := dueIn(between(all, e.TwinOf, e.Name), p.ParityEvery, time.Now())
		if wait == 0 {
			wait = min(p.ParityEvery, lookEvery)
			d.measureByItself(ctx, p, e)
		}
		next = min(next, wait)
	}
	return next
}

// dueIn is how long it is until two environments are to be measured again.
func dueIn(had []understudy.ParityStretch, every time.Duration, now time.Time) time.Duration {
	if len(had) == 0 {
		return 0
	}
	return max(0, had[len(had)-1].Until.Add(every).Sub(now))
}

// measureByItself measures a twin that nobody asks for. It starts nothing and is in nobody's
// way: where something is down or in use, the next time does.
func (d *Daemon) measureByItself(ctx context.Context, p config.Project, e understudy.Environment) {
	matter := "the likeness of " + e.Name
	able, err := d.measurable(ctx, p, e)
	if err == nil && able {
		_, err = d.measure(ctx, e.TwinOf, e.Name, nil)
	}
	switch {
	case ctx.Err() != nil || d.stages.holder(e.Name) != "": // what failed may be what somebody took away meanwhile
	case err != nil:
		d.note(matter, "measuring how alike %s and %s are: %v", e.TwinOf, e.Name, err)
	default:
		d.notes.set(matter, "")
	}
}

// measurable tells whether a twin and what it is a twin of can be looked at without waking
// anything, or being in the way of who has the twin.
func (d *Daemon) measurable(ctx context.Context, p config.Project, e understudy.Environment) (bool, error) {
	if d.stages.holder(e.Name) != "" {
		return false, nil
	}
	source, err := p.Environment(e.TwinOf)
	if err != nil {
		return false, err
	}
	if _, found, err := (shelf{d}).Latest(ctx, e.Name); err != nil || !found {
		return false, err
	}
	if !source.External {
		now, err := d.standing(ctx, source.Name)
		if err != nil || !now.Up {
			return false, err
		}
	}
	for _, side := range []understudy.Environment{source, e} {
		if !private(side) || len(p.Application.Databases) == 0 {
			continue
		}
		server, err := d.server(side, p.Application, 0)
		if err != nil || !server.Running(ctx) {
			return false, err
		}
	}
	return true, nil
}

// measureSettled measures the twins of an environment in which a promotion has settled: from
// then on they are behind it.
func (d *Daemon) measureSettled(ctx context.Context, id string) {
	promoted, err := records{d}.LoadPromotion(ctx, id)
	if err != nil || !settled(promoted) {
		return
	}
	p, err := d.asLastRead(ctx)
	if err != nil {
		return // whoever keeps things up notes it
	}
	for _, e := range p.Environments {
		if e.TwinOf != promoted.To {
			continue
		}
		able, err := d.measurable(ctx, p, e)
		if err == nil && able {
			_, err = d.measure(ctx, e.TwinOf, e.Name, &understudy.ParityOccasion{At: time.Now().UTC(), What: understudy.OccasionPromotion, ID: id, Label: promoted.Label})
		}
		if err != nil && ctx.Err() == nil {
			d.options.Log.Warn("the likeness after a promotion could not be measured", "promotion", id, "twin", e.Name, "error", err)
		}
	}
}
