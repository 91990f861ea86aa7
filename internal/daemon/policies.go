package daemon

import (
	"context"
	"time"

	"understudy"
	"understudy/internal/api"
	"understudy/internal/policy"
)

// ExplainPolicy says how a release stands before the gate, as if whoever asks promoted it now.
func (d *Daemon) ExplainPolicy(ctx context.Context, request api.Promote) (understudy.Explanation, error) {
	p, err := d.wanted(ctx, request)
	if err != nil {
		return understudy.Explanation{}, err
	}
	return d.promotions.Explain(ctx, p)
}

// comingWindows are shown of each kind.
const comingWindows = 3

// Policy is the one in force, with its next windows.
func (d *Daemon) Policy(ctx context.Context) (understudy.PolicyInForce, error) {
	asked, err := archive{d}.Policy(ctx, "")
	if err != nil {
		return understudy.PolicyInForce{}, err
	}
	out := understudy.PolicyInForce{Policy: asked, Lines: asked.Lines()}
	if out.Digest, err = understudy.DigestOfValue(asked); err != nil {
		return out, err
	}
	calendar, err := policy.NewCalendar(asked)
	if err != nil {
		return out, err
	}
	out.Frozen, out.Allowed = calendar.Coming(time.Now(), comingWindows)
	return out, nil
}
