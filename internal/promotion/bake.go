package promotion

import (
	"context"
	"fmt"
	"time"

	"understudy"
)

// bake watches a release that has all the traffic, until it can be told that it is no worse.
func (e *Engine) bake(ctx context.Context, p *understudy.Promotion) error {
	policy, err := e.terms(ctx, p)
	if err != nil {
		return err
	}
	if err := e.Door.Split(ctx, p.To, p.Old, p.New, 100); err != nil {
		return err
	}
	if err := e.hand(ctx, p, p.Old, p.New); err != nil {
		return err
	}
	if err := e.watcher(ctx, p, policy, true).watch(ctx, p.BakeEnds); err != nil {
		return err
	}
	return e.settled(ctx, p, policy)
}

// settled says what a promotion that settles leaves, and asks for its contract migration
// where the policy wants that done without being asked. Of a release that went past the gate,
// or was not judged, a person asks. Where only the configuration changed there is nothing new
// to contract, and the way back stays.
func (e *Engine) settled(ctx context.Context, p *understudy.Promotion, policy understudy.Policy) error {
	release, err := e.Archive.Release(ctx, p.Release)
	if err != nil {
		return err
	}
	migration := release.Application.Migration
	judged, _ := p.Judged.Whole()
	byItself := policy.Contract == understudy.ContractAfterBake && (p.Glass == nil || len(p.Glass.Passed) == 0) && judged == understudy.OutcomePassed
	switch contracts := migration != nil && len(migration.Contract) > 0 && !p.Again; {
	case contracts && byItself:
		p.Contract = &understudy.Contract{By: "policy", Wanted: true}
		return e.say(ctx, p, "the contract migration follows, as policy.contract says; there is no way back to %s after it", p.OldLabel)
	case contracts:
		return e.say(ctx, p, "%s is kept warm: understudy rollback %s goes back to it, until understudy promotion contract %s takes away what only it needs", p.OldLabel, p.To, p.ID)
	}
	if migration != nil && !p.Restores && !p.Again && p.Verdict != "" && !p.OldRunsOnNew {
		return e.say(ctx, p, "there is no way back: %s is not known to run on the schema that %s brought", p.OldLabel, p.Label)
	}
	return e.say(ctx, p, "%s is kept warm: understudy rollback %s goes back to it", p.OldLabel, p.To)
}

// settle ends a bake because a person says so. What is seen to be worse goes back all the same.
func (e *Engine) settle(ctx context.Context, p *understudy.Promotion, by Settle) (understudy.PromotionState, error) {
	policy, err := e.terms(ctx, p)
	if err != nil {
		return "", err
	}
	w := e.watcher(ctx, p, policy, true)
	defer w.metrics.end()
	if err := w.look(ctx); err != nil {
		return "", err
	}
	outcome, why := p.Judged.Whole()
	if outcome == understudy.OutcomeFailed && !p.Stuck() {
		return "", turned{why}
	}
	text := by.Error()
	switch outcome {
	case understudy.OutcomePassed:
	case understudy.OutcomeFailed:
		text = fmt.Sprintf("%s; it was seen to be worse: %s", text, why)
	default:
		text = fmt.Sprintf("%s; it was not judged: %s", text, why)
	}
	if err := e.say(ctx, p, "%s", text); err != nil {
		return "", err
	}
	return understudy.PromotionSettled, e.settled(ctx, p, policy)
}

// stepBack is the step of a promotion whose traffic is back on the old release.
const stepBack = "back"

// flip sends the traffic back to the old release.
func (e *Engine) flip(ctx context.Context, p *understudy.Promotion) error {
	started := e.Clock.Now()
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
	if r := p.Restore; r != nil {
		if err := e.Shutter.Unshut(ctx, p.To, p.ID); err != nil {
			return err
		}
		started = r.Asked
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
	said, err := e.Deployments.Hand(ctx, p.New, p.Old)
	if err != nil {
		return err
	}
	if said != "" {
		if err := e.say(ctx, p, "%s", said); err != nil {
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
