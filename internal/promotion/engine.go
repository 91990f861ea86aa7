package promotion

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"understudy"
)

// Engine carries promotions out. All fields are set before the first Run.
type Engine struct {
	Records     Records
	Archive     Archive
	Consent     Consent
	Production  Production
	Deployments Deployments
	Schema      Schema
	Door        Door
	Restorer    Restorer
	Shutter     Shutter
	Meter       Meter // of the team's own metrics
	Recorder    Recorder
	Clock       Clock
}

// GoBack is the cause with which a promotion's context is cancelled when somebody asked
// for a rollback. With any other cause the promotion stays as it is, to go on later.
type GoBack struct {
	By     string
	Reason string
	// LoseWrites: the databases are to be given back as they were before the migration.
	LoseWrites bool
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
	for p.Goes() || canGoBack(p.State) && wish(ctx) != nil {
		if deaf(p.State) && (wish(ctx) != nil || settling(ctx) != nil) {
			ctx = context.WithoutCancel(ctx) // the wish is written down already, or comes too late; what is left is to do it
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

// deaf tells the states whose work no wish changes.
func deaf(s understudy.PromotionState) bool {
	return s == understudy.PromotionRollingBack || s == understudy.PromotionContracting
}

// decide does the work of the present state and says which comes next. A wish to go back,
// whether it came before the work or in it, goes before what the work came to.
func (e *Engine) decide(ctx context.Context, p *understudy.Promotion) (next understudy.PromotionState, err error) {
	if wish(ctx) == nil {
		next, err = e.step(ctx, p)
	}
	if s := settling(ctx); s != nil && p.State == understudy.PromotionBaking && err != nil {
		next, err = e.settle(context.WithoutCancel(ctx), p, *s)
	}
	var turn turned
	switch {
	case deaf(p.State):
		return next, err
	case wish(ctx) != nil:
		wish(ctx).asks(p)
		return turnBack(p, wish(ctx).Error()), nil
	case errors.As(err, &turn) && !p.Stuck():
		return turnBack(p, turn.why), nil
	}
	return next, err
}

// wish is somebody's wish to go back, if there is one.
func wish(ctx context.Context) *GoBack {
	var back GoBack
	if errors.As(context.Cause(ctx), &back) {
		return &back
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

// canGoBack tells the states in which a wish to go back is heeded. What has gone back is no
// longer the engine's to take back further: whoever wants its databases restored begins that anew.
func canGoBack(s understudy.PromotionState) bool {
	return s != understudy.PromotionRolledBack && s.CanBecome(understudy.PromotionRollingBack)
}

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
	case understudy.PromotionSettled:
		return understudy.PromotionContracting, nil
	case understudy.PromotionContracting:
		return e.contract(ctx, p)
	default:
		return e.goBack(ctx, p)
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
	policy, err := e.terms(ctx, p)
	if err != nil {
		return err
	}
	if err := e.retire(ctx, p); err != nil {
		return err
	}
	if err := e.expand(ctx, p, release, policy); err != nil {
		return err
	}
	if err := e.Deployments.Start(ctx, p.New, p.To, release, p.Configured); err != nil {
		return orTurn(ctx, err, "%s did not become ready: %v", p.Label, err)
	}
	if err := e.remember(ctx, p); err != nil {
		return err
	}
	return e.say(ctx, p, "%s is ready beside %s", p.Label, p.OldLabel)
}

// remember keeps what the old release was counted to do before, as far as the door knows,
// and begins the counting of both.
func (e *Engine) remember(ctx context.Context, p *understudy.Promotion) error {
	old, _, err := e.Door.Served(ctx, p.To, p.Old, p.New)
	if err != nil {
		return err
	}
	if old.Requests > 0 && p.OldSeen == nil {
		old.Release, p.OldSeen = p.OldLabel, &old
		if err := e.Records.SavePromotion(ctx, *p); err != nil {
			return err
		}
	}
	return e.Door.Reset(ctx, p.To)
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
	if (policy.SafetyCopy || p.Restores) && p.SafetyCopy == "" { // later the migration may have begun
		path, err := e.Schema.SafetyCopy(ctx, p.To, p.ID)
		if err != nil {
			return orTurn(ctx, err, "no safety copy could be made: %v", err)
		}
		p.SafetyCopy = path
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
		Promotion: p.ID, Release: release, Policy: policy, Expected: p.Expected, Old: p.OldLabel, OldRunsOnNew: p.OldRunsOnNew, Tell: tell,
	})
	switch {
	case err != nil: // before what could not be told: it may have to be taken back
		return orTurn(ctx, err, "the migration did not run through: %v", err)
	case untold != nil:
		return untold
	}
	if p.Restores {
		if err := e.Restorer.Begin(ctx, p.To, p.ID); err != nil {
			return err
		}
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
	policy, err := e.terms(ctx, p)
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
		if err := e.watcher(ctx, p, policy, false).watch(ctx, e.Clock.Now().Add(policy.StepFor)); err != nil {
			return err
		}
	}
	if err := e.hand(ctx, p, p.Old, p.New); err != nil {
		return err
	}
	p.BakeEnds = e.Clock.Now().Add(policy.Bake)
	return nil
}

// hand lets the services of which only one release's may run give way.
func (e *Engine) hand(ctx context.Context, p *understudy.Promotion, from, to string) error {
	said, err := e.Deployments.Hand(ctx, from, to)
	if err != nil {
		return orTurn(ctx, err, "the services that take turns could not be handed over: %v", err)
	}
	if said == "" {
		return nil
	}
	return e.say(ctx, p, "%s", said)
}
