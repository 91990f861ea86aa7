package promotion

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"understudy"
)

// Engine carries promotions out. All fields are set before the first Run.
type Engine struct {
	Records     Records
	Archive     Archive
	Production  Production
	Deployments Deployments
	Schema      Schema
	Door        Door
	Recorder    Recorder
	Clock       Clock
}

// GoBack is the cause with which a promotion's context is cancelled when somebody asked
// for a rollback. With any other cause the promotion stays as it is, to go on later.
type GoBack struct {
	By     string
	Reason string
}

func (g GoBack) Error() string { return fmt.Sprintf("%s asked to go back: %s", g.By, g.Reason) }

// turned is why a promotion turns back by itself.
type turned struct{ why string }

func (t turned) Error() string { return t.why }

// Run carries a promotion to its end, or on from where it stopped. It returns nil when
// the promotion has ended, whatever its end, and an error when it could not be carried on;
// then the record says how far it came and Run may be called again.
//
// A wish to go back (GoBack) is heeded in whatever state it finds the promotion, also when
// the work of that state has just been done, and written down before anything else.
func (e *Engine) Run(ctx context.Context, id string) error {
	p, err := e.Records.LoadPromotion(context.WithoutCancel(ctx), id)
	if err != nil {
		return err
	}
	for !p.State.Ended() || canGoBack(p.State) && wish(ctx) != nil {
		if p.State == understudy.PromotionRollingBack && wish(ctx) != nil {
			ctx = context.WithoutCancel(ctx) // the wish is written down already; what is left is to do it
		}
		next, err := e.decide(ctx, &p)
		if err != nil {
			return err
		}
		if err := e.move(context.WithoutCancel(ctx), &p, next); err != nil { // told and saved, or neither
			return err
		}
	}
	return nil
}

// decide does the work of the present state and says which comes next. A wish to go back,
// whether it came before the work or in it, goes before what the work came to.
func (e *Engine) decide(ctx context.Context, p *understudy.Promotion) (next understudy.PromotionState, err error) {
	if wish(ctx) == nil {
		next, err = e.step(ctx, p)
	}
	var turn turned
	switch {
	case p.State == understudy.PromotionRollingBack:
		return next, err
	case wish(ctx) != nil:
		return turnBack(p, wish(ctx).Error()), nil
	case errors.As(err, &turn):
		return turnBack(p, turn.why), nil
	}
	return next, err
}

// wish is somebody's wish to go back, if there is one.
func wish(ctx context.Context) error {
	var back GoBack
	if errors.As(context.Cause(ctx), &back) {
		return back
	}
	return nil
}

// turnBack is the state that leads back: before the gate there is nothing to take back,
// and the promotion is refused.
func turnBack(p *understudy.Promotion, why string) understudy.PromotionState {
	p.Reason = why
	if canGoBack(p.State) {
		return understudy.PromotionRollingBack
	}
	p.Refusals = append(p.Refusals, why)
	return understudy.PromotionRefused
}

func canGoBack(s understudy.PromotionState) bool { return s.CanBecome(understudy.PromotionRollingBack) }

// step does the work of the present state and says which comes next.
func (e *Engine) step(ctx context.Context, p *understudy.Promotion) (understudy.PromotionState, error) {
	switch p.State {
	case understudy.PromotionPlanned:
		return e.pass(ctx, p)
	case understudy.PromotionGated:
		return understudy.PromotionPreparing, nil
	case understudy.PromotionPreparing:
		return understudy.PromotionSwitching, e.prepare(ctx, p)
	case understudy.PromotionSwitching:
		return understudy.PromotionBaking, e.switchOver(ctx, p)
	case understudy.PromotionBaking:
		return understudy.PromotionSettled, e.bake(ctx, p)
	default:
		return understudy.PromotionRolledBack, e.goBack(ctx, p)
	}
}

// move writes a state down, first in the journal.
func (e *Engine) move(ctx context.Context, p *understudy.Promotion, next understudy.PromotionState) error {
	if !p.State.CanBecome(next) {
		return understudy.Errorf(understudy.KindInternal, "promotion %s cannot go from %s to %s", p.ID, p.State, next)
	}
	facts := map[string]string{"release": p.Label, "digest": string(p.Release), "to": p.To, "verdict": p.Verdict}
	if err := e.Recorder.Record(ctx, "promotion."+string(next), p.ID, p.Reason, facts); err != nil {
		return err
	}
	p.State, p.Step = next, ""
	if next.Ended() {
		p.EndedAt = e.Clock.Now()
	}
	return e.Records.SavePromotion(ctx, *p)
}

// say notes an event and writes it down.
func (e *Engine) say(ctx context.Context, p *understudy.Promotion, format string, args ...any) error {
	p.Events = append(p.Events, understudy.PromotionEvent{At: e.Clock.Now(), Text: fmt.Sprintf(format, args...)})
	return e.Records.SavePromotion(ctx, *p)
}

func (e *Engine) pass(ctx context.Context, p *understudy.Promotion) (understudy.PromotionState, error) {
	gated, err := e.Gate(ctx, *p)
	if err != nil {
		return "", err
	}
	*p = gated
	if len(p.Refusals) > 0 {
		return understudy.PromotionRefused, nil
	}
	old, _, err := e.Production.Serving(ctx, p.To)
	if err == nil && old.ID == "" {
		p.Refusals = append(p.Refusals, fmt.Sprintf("%s runs nothing, so there would be no release to go back to", p.To))
		return understudy.PromotionRefused, nil
	}
	p.Old, p.OldLabel, p.New = old.ID, old.Label, p.To+"-"+p.ID
	return understudy.PromotionGated, err
}

func (e *Engine) prepare(ctx context.Context, p *understudy.Promotion) error {
	release, err := e.Archive.Release(ctx, p.Release)
	if err != nil {
		return err
	}
	policy, err := e.Archive.Policy(ctx, p.To)
	if err != nil {
		return err
	}
	if err := e.retire(ctx, p); err != nil {
		return err
	}
	if err := e.expand(ctx, p, release, policy); err != nil {
		return err
	}
	if err := e.Deployments.Start(ctx, p.New, p.To, release); err != nil {
		return orTurn(ctx, err, "%s did not become ready: %v", p.Label, err)
	}
	if err := e.Door.Reset(ctx, p.To); err != nil {
		return err
	}
	return e.say(ctx, p, "%s is ready beside %s", p.Label, p.OldLabel)
}

// retire ends what an earlier promotion kept warm.
func (e *Engine) retire(ctx context.Context, p *understudy.Promotion) error {
	_, standby, err := e.Production.Serving(ctx, p.To)
	if err != nil || standby.ID == "" || standby.ID == p.New || standby.ID == p.Old {
		return err
	}
	return e.Deployments.Stop(ctx, standby.ID)
}

func (e *Engine) expand(ctx context.Context, p *understudy.Promotion, release understudy.Release, policy understudy.Policy) error {
	if release.Application.Migration == nil || p.Step == "migrated" {
		return nil
	}
	if policy.SafetyCopy {
		path, err := e.Schema.SafetyCopy(ctx, p.To, p.ID)
		if err != nil {
			return orTurn(ctx, err, "no safety copy could be made: %v", err)
		}
		if err := e.say(ctx, p, "safety copy: %s", path); err != nil {
			return err
		}
	}
	if p.LockTimeout > 0 {
		policy.LockTimeout = p.LockTimeout // as rehearsed, whatever the policy says now
	}
	return e.migrate(ctx, p, release, policy)
}

// migrate runs the migration, and tells whoever follows what it comes to as it does.
func (e *Engine) migrate(ctx context.Context, p *understudy.Promotion, release understudy.Release, policy understudy.Policy) error {
	var untold error
	tell := func(text string) {
		if untold == nil {
			untold = e.say(context.WithoutCancel(ctx), p, "%s", text)
		}
	}
	said, err := e.Schema.Migrate(ctx, p.To, Order{
		Release: release, Policy: policy, Expected: p.Expected, Old: p.OldLabel, OldRunsOnNew: p.OldRunsOnNew, Tell: tell,
	})
	switch {
	case err != nil: // before what could not be told: it may have to be taken back
		return orTurn(ctx, err, "the migration did not run through: %v", err)
	case untold != nil:
		return untold
	}
	p.Step = "migrated"
	return e.say(ctx, p, "%s", said)
}

// orTurn makes the promotion turn back, unless it was told to stop.
func orTurn(ctx context.Context, err error, format string, args ...any) error {
	if ctx.Err() != nil {
		return err
	}
	return turned{fmt.Sprintf(format, args...)}
}

func (e *Engine) switchOver(ctx context.Context, p *understudy.Promotion) error {
	policy, err := e.Archive.Policy(ctx, p.To)
	if err != nil {
		return err
	}
	reached, _ := strconv.Atoi(strings.TrimPrefix(p.Step, "split ")) // 0 where no split was set yet
	for _, percent := range policy.Steps {
		if percent < reached {
			continue
		}
		p.Step = fmt.Sprintf("split %d", percent)
		if err := e.Records.SavePromotion(ctx, *p); err != nil {
			return err
		}
		if err := e.Door.Split(ctx, p.To, p.Old, p.New, percent); err != nil {
			return err
		}
		if err := e.say(ctx, p, "%d %% of the traffic goes to %s", percent, p.Label); err != nil {
			return err
		}
		if percent == 100 {
			break
		}
		if err := e.watch(ctx, p, policy, e.Clock.Now().Add(policy.StepFor), false); err != nil {
			return err
		}
	}
	p.BakeEnds = e.Clock.Now().Add(policy.Bake)
	return nil
}

// between is the time between two looks at a new release.
const between = 250 * time.Millisecond

// watch looks at the new release until a moment, and beyond it, where it must be judged,
// until enough requests were seen to tell.
func (e *Engine) watch(ctx context.Context, p *understudy.Promotion, policy understudy.Policy, until time.Time, judge bool) error {
	waiting := false
	for {
		outcome, why, err := e.look(ctx, p, policy)
		if err != nil {
			return err
		}
		if outcome == understudy.OutcomeFailed {
			return turned{why}
		}
		if !e.Clock.Now().Before(until) {
			if outcome == understudy.OutcomePassed || !judge {
				return e.say(ctx, p, "%s", why)
			}
			if !waiting {
				waiting = true
				if err := e.say(ctx, p, "too little traffic to judge: %s; it waits for them, with %s kept warm (policy.min_requests says how many)", why, p.OldLabel); err != nil {
					return err
				}
			}
		}
		if err := e.Clock.Wait(ctx, between); err != nil {
			return err
		}
	}
}

func (e *Engine) look(ctx context.Context, p *understudy.Promotion, policy understudy.Policy) (understudy.Outcome, string, error) {
	unwell, err := e.Deployments.Alive(ctx, p.New)
	if err != nil {
		return "", "", err
	}
	if unwell != "" {
		return understudy.OutcomeFailed, fmt.Sprintf("%s is not well: %s", p.Label, unwell), nil
	}
	old, fresh, err := e.Door.Served(ctx, p.To, p.Old, p.New)
	if err != nil {
		return "", "", err
	}
	old.Release, fresh.Release = p.OldLabel, p.Label
	outcome, why := policy.Judge(old, fresh)
	return outcome, why, nil
}

func (e *Engine) bake(ctx context.Context, p *understudy.Promotion) error {
	policy, err := e.Archive.Policy(ctx, p.To)
	if err != nil {
		return err
	}
	if err := e.Door.Split(ctx, p.To, p.Old, p.New, 100); err != nil {
		return err
	}
	if err := e.watch(ctx, p, policy, p.BakeEnds, true); err != nil {
		return err
	}
	return e.say(ctx, p, "%s is kept warm: understudy rollback %s goes back to it", p.OldLabel, p.To)
}

// stepBack is the step of a promotion whose traffic is back on the old release.
const stepBack = "back"

// goBack is never turned back: it is tried until it is done.
func (e *Engine) goBack(ctx context.Context, p *understudy.Promotion) error {
	started := e.Clock.Now()
	if p.Old == "" {
		return understudy.Errorf(understudy.KindRefused, "%s ran nothing before %s: there is no release to go back to", p.To, p.Label)
	}
	// Where it turned back before it had done that: the split forgets who is warm. One that
	// is not known needs no retiring, and nothing of it may hold up the way back.
	if err := e.retire(ctx, p); err != nil && understudy.KindOf(err) != understudy.KindNotFound {
		return err
	}
	if err := e.Deployments.Revive(ctx, p.Old); err != nil {
		return err
	}
	if err := e.Door.Split(ctx, p.To, p.New, p.Old, 100); err != nil {
		return err
	}
	if p.Step != stepBack { // said once, however often what follows is tried
		p.Step = stepBack
		facts := map[string]string{"release": p.OldLabel, "to": p.To}
		if err := e.Recorder.Record(ctx, "rollback.answered", p.ID, "", facts); err != nil {
			return err
		}
		if err := e.say(ctx, p, "all traffic is back on %s, %s after the decision", p.OldLabel, e.Clock.Now().Sub(started).Round(time.Millisecond)); err != nil {
			return err
		}
	}
	if err := e.Production.Hold(ctx, p.To, fmt.Sprintf("%s was taken back: %s", p.Label, p.Reason)); err != nil {
		return err
	}
	if _, err := e.Door.Drain(ctx, p.To, p.New); err != nil {
		return err
	}
	return e.Deployments.Stop(ctx, p.New)
}
