package promotion

import (
	"context"
	"fmt"

	"understudy"
)

// contract runs the contract migration of a promotion that has settled, under the guard that
// the expand migration had. From its first moment on there is no way back, so nothing is kept
// warm for it. One that does not run through leaves the promotion settled, to be tried again.
func (e *Engine) contract(ctx context.Context, p *understudy.Promotion) (understudy.PromotionState, error) {
	failed := func(format string, args ...any) (understudy.PromotionState, error) {
		p.Contract.Wanted, p.Contract.Said = false, fmt.Sprintf(format, args...)
		return understudy.PromotionSettled, e.say(ctx, p, "%s; %s serves on", p.Contract.Said, p.Label)
	}
	order, refused, err := e.contractOrder(ctx, p)
	if err != nil {
		return "", err
	}
	if refused != "" {
		return failed("the contract migration was not begun: %s", refused)
	}
	if !p.Contract.Begun {
		p.Contract.Begun = true
		if err := e.say(ctx, p, "the contract migration begins: there is no way back to %s any more", p.OldLabel); err != nil {
			return "", err
		}
	}
	if err := e.Deployments.Stop(ctx, p.Old); err != nil {
		return "", err
	}
	var untold error
	order.Tell = func(text string) {
		if untold == nil {
			untold = e.say(context.WithoutCancel(ctx), p, "%s", text)
		}
	}
	said, err := e.Schema.Migrate(ctx, p.To, order)
	switch {
	case err != nil && ctx.Err() != nil:
		return "", err
	case err != nil:
		return failed("the contract migration did not run through: %v", err)
	case untold != nil:
		return "", untold
	}
	p.Contract.Wanted, p.Contract.Said = false, said
	return understudy.PromotionContracted, e.say(ctx, p, "contract migration: %s", said)
}

// contractOrder is the order for it, or why it is not given: what was not rehearsed is not run.
func (e *Engine) contractOrder(ctx context.Context, p *understudy.Promotion) (Order, string, error) {
	release, err := e.Archive.Release(ctx, p.Release)
	if err != nil {
		return Order{}, "", err
	}
	policy, err := e.terms(ctx, p)
	if err != nil {
		return Order{}, "", err
	}
	serving, _, err := e.Production.Serving(ctx, p.To)
	if err != nil {
		return Order{}, "", err
	}
	_, _, statement, err := e.Archive.Attested(ctx, p.Release)
	switch {
	case understudy.KindOf(err) == understudy.KindRefused:
		return Order{}, err.Error(), nil
	case err != nil:
		return Order{}, "", err
	case serving.ID != p.New:
		return Order{}, fmt.Sprintf("%s does not serve any more", p.Label), nil
	case release.Application.Migration == nil || len(release.Application.Migration.Contract) == 0:
		return Order{}, fmt.Sprintf("%s declares none (migration.contract)", p.Label), nil
	case statement.Contract == nil:
		return Order{}, "it was not rehearsed", nil
	}
	if p.LockTimeout > 0 {
		policy.LockTimeout = p.LockTimeout
	}
	return Order{Promotion: p.ID, Release: release, Contract: true, Policy: policy, Expected: statement.Contract, Old: p.Label, OldRunsOnNew: true}, "", nil
}
