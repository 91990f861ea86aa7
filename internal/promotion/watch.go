package promotion

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"understudy"
)

// between is the time between two looks at a new release.
const between = 250 * time.Millisecond

// noting is the time after which what a look came to is written down, though nothing new
// is to be said of it: a bake may wait for hours.
const noting = 2 * time.Second

// Settle is the cause with which a promotion's context is cancelled when somebody settles
// it though it could not be judged. It is heeded while the promotion bakes.
type Settle struct {
	By     string
	Reason string
}

func (s Settle) Error() string { return fmt.Sprintf("%s settled it: %s", s.By, s.Reason) }

// settling is somebody's wish to settle, if there is one.
func settling(ctx context.Context) *Settle {
	var s Settle
	if errors.As(context.Cause(ctx), &s) {
		return &s
	}
	return nil
}

// watcher judges a new release while it serves.
type watcher struct {
	*Engine
	p      *understudy.Promotion
	policy understudy.Policy
	baking bool

	few     bool // requests of the new release, too few to judge it by its errors
	stall   understudy.Stall
	cost    map[string]*cost // by deployment
	cold    string           // what was told last of an old release that is not well
	metrics *metrics
}

func (e *Engine) watcher(ctx context.Context, p *understudy.Promotion, policy understudy.Policy, baking bool) *watcher {
	return &watcher{Engine: e, p: p, policy: policy, baking: baking, cost: map[string]*cost{}, metrics: e.measuring(ctx, p, policy, baking)}
}

// watch looks at the new release until a moment, and beyond it, in the bake, until it can
// be judged.
func (w *watcher) watch(ctx context.Context, until time.Time) error {
	defer w.metrics.end()
	waiting, noted := "", w.Clock.Now()
	for {
		if err := w.look(ctx); err != nil {
			return err
		}
		outcome, why := w.p.Judged.Whole()
		undecided := w.undecided()
		switch over := !w.Clock.Now().Before(until); {
		case outcome == understudy.OutcomeFailed && w.p.Stuck():
			if waiting != worse {
				waiting = worse
				if err := w.holdStill(ctx, w.p, why); err != nil {
					return err
				}
			}
		case outcome == understudy.OutcomeFailed:
			return turned{why}
		case over && (undecided == "" || !w.baking):
			return w.say(ctx, w.p, "%s", why)
		case over && undecided == tooLittle && w.policy.WithoutTraffic == understudy.SettleUnjudged:
			return w.say(ctx, w.p, "it settles without having been judged, as policy.bake_without_traffic says: %s", why)
		case over && undecided != waiting:
			waiting = undecided
			if err := w.say(ctx, w.p, "%s: %s; it waits, with %s kept warm (a person can end that: understudy promotion settle %s --reason …)", waiting, why, w.p.OldLabel, w.p.ID); err != nil {
				return err
			}
		}
		if now := w.Clock.Now(); now.Sub(noted) >= noting {
			noted = now
			if err := w.Records.SavePromotion(ctx, *w.p); err != nil {
				return err
			}
		}
		if err := w.Clock.Wait(ctx, between); err != nil {
			return err
		}
	}
}

// worse is what a release waits in that must not turn back by itself: a person can end that.
const worse = "it is worse"

// tooLittle is what keeps a release from being judged that nobody asks anything of.
const tooLittle = "too little traffic to judge"

// undecided says in a few words what keeps the release from being judged; empty: nothing.
func (w *watcher) undecided() string {
	said := ""
	for i, part := range w.p.Judged {
		switch {
		case part.Advisory || part.Outcome == understudy.OutcomePassed:
		case part.Outcome == understudy.OutcomeError:
			return "it could not be measured"
		case i == 0 && w.few:
			said = tooLittle
		default:
			said = "it cannot be told yet"
		}
	}
	return said
}

// look judges the new release as it is now.
func (w *watcher) look(ctx context.Context) error {
	health, err := w.Deployments.Look(ctx, w.p.New)
	if err != nil {
		return err
	}
	if unwell := health.fallen(); unwell != "" {
		w.p.Judged = understudy.Judgement{{Name: "processes", Outcome: understudy.OutcomeFailed, Says: fmt.Sprintf("%s is not well: %s", w.p.Label, unwell)}}
		return nil
	}
	c, err := w.compare(ctx, health)
	if err != nil {
		return err
	}
	w.few = c.New.Requests < int64(w.policy.MinRequests)
	lasted := w.stall.Look(c, w.Clock.Now())
	measured, err := w.metrics.look(ctx) // which may write down what the look before came to
	if err == nil {
		w.p.Judged = slices.Concat(w.policy.Judge(c), understudy.Judgement{w.policy.Stalled(c, lasted)}, measured)
	}
	return err
}

// compare puts both sides beside each other: while both serve as they do now, else the new
// one beside what the old one was seen to do while it served.
func (w *watcher) compare(ctx context.Context, health Health) (understudy.Comparison, error) {
	old, fresh, err := w.Door.Served(ctx, w.p.To, w.p.Old, w.p.New)
	if err != nil {
		return understudy.Comparison{}, err
	}
	old.Release, fresh.Release = w.p.OldLabel, w.p.Label
	w.reckon(w.p.New, &fresh, health)
	warm, err := w.Deployments.Look(ctx, w.p.Old)
	if err != nil {
		return understudy.Comparison{}, err
	}
	w.reckon(w.p.Old, &old, warm)
	c := understudy.Comparison{Old: old, New: fresh}
	enough := old.Requests >= int64(w.policy.MinRequests)
	switch {
	case !w.baking && enough:
		if had := w.p.OldSeen; had == nil || old.Requests >= min(plenty, had.Requests) {
			w.p.OldSeen = &old // for the bake: what it did beside the new one, unless that says little
		}
	case w.p.OldSeen != nil && (w.baking || w.p.OldSeen.Requests > old.Requests):
		c.Old, c.Before = *w.p.OldSeen, true
	}
	if w.baking {
		err = w.keepWarm(ctx, warm)
	}
	return c, err
}

// plenty is how many requests say enough of a release to compare another with.
const plenty = 400

// keepWarm tells of an old release that died while it was kept warm: whoever tends the
// environment brings it back.
func (w *watcher) keepWarm(ctx context.Context, health Health) error {
	cold := health.Unwell
	if health.Gone {
		cold = "it has gone"
	}
	if cold == w.cold {
		return nil
	}
	w.cold = cold
	if cold == "" {
		return w.say(ctx, w.p, "%s is warm again", w.p.OldLabel)
	}
	return w.say(ctx, w.p, "%s, which is kept warm, is not well: %s; it is brought back", w.p.OldLabel, cold)
}

// cost is what a deployment had used and answered when it was first looked at.
type cost struct {
	used     time.Duration
	answered int64
}

// costOf is how many requests it takes to say what one costs.
const costOf = 20

func (w *watcher) reckon(id string, side *understudy.Side, health Health) {
	side.Memory = health.Memory
	first := w.cost[id]
	if first == nil || side.Requests < first.answered || health.CPU < first.used { // counted anew
		w.cost[id] = &cost{health.CPU, side.Requests}
		return
	}
	if n := side.Requests - first.answered; n >= costOf {
		side.PerRequest = (health.CPU - first.used).Seconds() / float64(n)
	}
}
