package daemon

import (
	"context"
	"errors"
	"strings"
	"time"

	"understudy"
	"understudy/internal/api"
	"understudy/internal/config"
	"understudy/internal/promotion"
	"understudy/internal/store"
)

// target finds the environment of a promotion: the one named, else the only production.
func (d *Daemon) target(name string) (understudy.Environment, error) {
	p, err := d.project()
	if err != nil {
		return understudy.Environment{}, err
	}
	if name != "" {
		e, err := p.Environment(name)
		if err == nil && e.Sealed() {
			err = understudy.Errorf(understudy.KindInvalid, "%s is a twin: releases are rehearsed there, not promoted to it", name)
		}
		return e, err
	}
	for _, e := range p.Environments {
		if e.Purpose == understudy.PurposeProduction {
			return e, nil
		}
	}
	return understudy.Environment{}, understudy.Errorf(understudy.KindInvalid, "no environment has the purpose production").WithHint("name one with --to")
}

// PlanPromotion says what a promotion would change, and everything that speaks against it.
func (d *Daemon) PlanPromotion(ctx context.Context, request api.Promote) (understudy.Promotion, error) {
	p, err := d.wanted(ctx, request)
	if err != nil {
		return p, err
	}
	return d.promotions.Gate(ctx, p)
}

// wanted is the promotion that somebody asks for.
func (d *Daemon) wanted(ctx context.Context, request api.Promote) (understudy.Promotion, error) {
	release, err := d.Release(ctx, request.Release)
	if err != nil {
		return understudy.Promotion{}, err
	}
	to, err := d.target(request.To)
	if err != nil {
		return understudy.Promotion{}, err
	}
	p := understudy.Promotion{
		Release: release.Digest, Label: release.Label, To: to.Name, State: understudy.PromotionPlanned, By: d.actor(ctx, request.By), MadeAt: time.Now(),
	}
	if request.BreakGlass {
		if strings.TrimSpace(request.Reason) == "" {
			return p, understudy.Errorf(understudy.KindInvalid, "the glass is broken for a reason, and none was given").WithHint("say why with --reason")
		}
		p.Glass = &understudy.BrokenGlass{By: p.By, Reason: request.Reason}
	}
	return p, nil
}

// Promote begins a promotion, where the gate lets it, and returns.
func (d *Daemon) Promote(ctx context.Context, request api.Promote) (understudy.Promotion, error) {
	p, err := d.PlanPromotion(ctx, request)
	if err != nil {
		return p, err
	}
	to, _, err := d.environment(p.To)
	if err != nil {
		return p, err
	}
	if to.External {
		return p, understudy.Errorf(understudy.KindRefused, "%s is run by other means, so Understudy cannot switch it", p.To).
			WithHint("let your pipeline ask: understudy gate %s --to %s", p.Label, p.To)
	}
	p.ID = newID()
	give, err := d.stages.await(ctx, p.To, "promotion "+p.ID, forMoments)
	if err != nil {
		return p, err
	}
	if err := d.mayBegin(ctx, p); err != nil {
		give()
		return p, err
	}
	d.carry(p.ID, p.To, give, nil)
	return p, nil
}

// mayBegin writes a promotion down, or its refusal.
func (d *Daemon) mayBegin(ctx context.Context, p understudy.Promotion) error {
	if running, err := d.underWay(ctx, p.To); err != nil {
		return err
	} else if running != "" {
		return understudy.Errorf(understudy.KindConflict, "promotion %s to %s is under way", running, p.To).WithHint("follow it: understudy promotion watch %s", running)
	}
	act := "promotion.planned"
	if len(p.Refusals) > 0 {
		act, p.State, p.EndedAt = "promotion.refused", understudy.PromotionRefused, time.Now()
	}
	if err := (recorder{d, p.By}).Record(ctx, act, p.ID, "", map[string]string{"release": p.Label, "to": p.To}); err != nil {
		return err
	}
	if err := d.tellBroken(ctx, p); err != nil {
		return err
	}
	if err := (records{d}).SavePromotion(ctx, p); err != nil {
		return err
	}
	if len(p.Refusals) > 0 {
		return promotion.Refused(p)
	}
	return nil
}

// tellBroken writes down, before anything is done, that the glass was broken: by whom, why, and
// what was passed over.
func (d *Daemon) tellBroken(ctx context.Context, p understudy.Promotion) error {
	if p.Glass == nil || len(p.Glass.Passed) == 0 || len(p.Refusals) > 0 {
		return nil
	}
	passed := strings.Join(p.Glass.Passed, "; ")
	d.options.Log.Warn("the glass was broken", "promotion", p.ID, "release", p.Label, "to", p.To, "by", p.Glass.By, "reason", p.Glass.Reason, "passed", passed)
	return recorder{d, p.Glass.By}.Record(ctx, "glass.broken", p.ID, p.Glass.Reason, map[string]string{"release": p.Label, "digest": string(p.Release), "to": p.To, "passed": passed})
}

// underWay is the promotion that has not ended in an environment.
func (d *Daemon) underWay(ctx context.Context, environment string) (string, error) {
	all, err := d.Promotions(ctx)
	for _, p := range all {
		if p.To == environment && p.Goes() {
			return p.ID, err
		}
	}
	return "", err
}

// carry runs a promotion to its end in the background, with the stage that give gives
// back. Where it was not taken yet (nil), it waits for it. Nothing but the daemon's own end
// stops that: what cannot be carried on is tried again, a rollback that was asked for too. A
// wish (promotion.GoBack, promotion.Settle) is one that somebody had before; nil: nobody did.
func (d *Daemon) carry(id, environment string, give func(), wish error) {
	letGo := func() {
		if give != nil {
			give()
		}
	}
	begun := d.acts.begin(d.life, id, func(ctx context.Context) {
		if wish != nil {
			var cancel context.CancelCauseFunc
			ctx, cancel = context.WithCancelCause(ctx)
			cancel(wish)
		}
		if give == nil {
			var err error
			if give, err = d.stages.await(d.life, environment, "promotion "+id, anybody); err != nil {
				return // the daemon ends; the next one goes on
			}
		}
		for {
			err := d.promotions.Run(config.ReadOnce(ctx), id)
			if err == nil || d.life.Err() != nil {
				return
			}
			d.stuck(id, err)
			if (clock{}).Wait(d.life, 2*time.Second) != nil {
				return
			}
		}
	}, func(stopped error) {
		var back promotion.GoBack
		if wish == nil && errors.As(stopped, &back) && d.heedLate(id, give, back) {
			return
		}
		letGo()
	}, func(error) { d.measureSettled(d.life, id) })
	if !begun { // it waits for the stage, and finds in its record what is wanted of it
		letGo()
	}
}

// heedLate takes back a promotion of which somebody wished that when all was done and nobody
// listened; then the stage is given back with it.
func (d *Daemon) heedLate(id string, give func(), back promotion.GoBack) bool {
	p, err := records{d}.LoadPromotion(d.life, id)
	switch {
	case err != nil:
		return false
	case p.State == understudy.PromotionSettled && p.Restore == nil:
		d.carry(id, p.To, give, back)
		return true
	case !givesBack(p, back):
		return false
	}
	if err := d.takeBack(d.life, p, give, back); err != nil { // it is in the journal, and heeded at the next start
		d.note(stuckAt(id), "promotion %s could not be taken back: %v", id, err)
	}
	return true
}

// stuck tells whoever follows a promotion why it does not go on, once for each reason. Where
// that cannot be written down, as on a full disk, status says it until something can be.
func (d *Daemon) stuck(id string, why error) {
	text := "it could not be carried on and is tried again: " + why.Error()
	p, err := records{d}.LoadPromotion(d.life, id)
	if n := len(p.Events); err == nil && (n == 0 || p.Events[n-1].Text != text) {
		p.Events = append(p.Events, understudy.PromotionEvent{At: time.Now(), Text: text})
		if err = (records{d}).SavePromotion(d.life, p); err == nil {
			d.options.Log.Error("the promotion could not be carried on; it is tried again", "promotion", id, "error", why)
		}
	}
	if err != nil {
		d.note(stuckAt(id), "promotion %s could not be carried on and is tried again: %v", id, why)
	}
}

// stuckAt is the matter of a promotion that cannot even say why it does not go on.
func stuckAt(id string) string { return "promotion " + id }

// Promotions lists the promotions, oldest first.
func (d *Daemon) Promotions(ctx context.Context) ([]understudy.Promotion, error) {
	return store.All[understudy.Promotion](ctx, d.store, kindPromotion)
}

func (d *Daemon) promotion(ctx context.Context, id string) (understudy.Promotion, error) {
	p, err := records{d}.LoadPromotion(ctx, id)
	if understudy.KindOf(err) == understudy.KindNotFound {
		return p, understudy.Errorf(understudy.KindNotFound, "there is no promotion %q", id)
	}
	return p, err
}

// WatchPromotion hands on a promotion at once and at each change until it has ended.
func (d *Daemon) WatchPromotion(ctx context.Context, id string, each func(understudy.Promotion) error) error {
	return watch(ctx, d.bell, id, d.promotion, func(p understudy.Promotion) bool { return !p.Goes() }, each)
}

// PlaceHold keeps promotions that have not begun from an environment, until it is lifted.
func (d *Daemon) PlaceHold(ctx context.Context, environment, by, reason string) error {
	by = d.actor(ctx, by)
	if reason == "" {
		return understudy.Errorf(understudy.KindInvalid, "a hold is placed for a reason").WithHint("say it with --reason")
	}
	e, _, err := d.environment(environment)
	switch {
	case err != nil:
		return err
	case e.Sealed():
		return understudy.Errorf(understudy.KindInvalid, "%s is a twin: nothing is promoted to it", environment)
	}
	switch now, err := d.standing(ctx, environment); {
	case err != nil:
		return err
	case now.Held != "":
		return understudy.Errorf(understudy.KindConflict, "%s is held already: %s", environment, now.Held)
	}
	if err := (recorder{d, by}).Record(ctx, "hold.placed", environment, reason, nil); err != nil {
		return err
	}
	return d.changeStanding(ctx, environment, func(s *standing) { s.Held = by + " placed a hold: " + reason })
}

// LiftHold lets promotions to an environment happen again.
func (d *Daemon) LiftHold(ctx context.Context, environment, by, reason string) error {
	by = d.actor(ctx, by)
	if reason == "" {
		return understudy.Errorf(understudy.KindInvalid, "a hold is lifted for a reason").WithHint("say it with --reason")
	}
	if _, _, err := d.environment(environment); err != nil {
		return err
	}
	switch now, err := d.standing(ctx, environment); {
	case err != nil:
		return err
	case now.Held == "":
		return understudy.Errorf(understudy.KindConflict, "nothing holds %s", environment)
	}
	if err := (recorder{d, by}).Record(ctx, "hold.lifted", environment, reason, nil); err != nil {
		return err
	}
	return d.changeStanding(ctx, environment, func(s *standing) { s.Held = "" })
}
