package rehearsal

import (
	"context"
	"fmt"
	"time"

	"understudy"
	"understudy/internal/check"
)

// lookAtCompatibility keeps the old release, its processes and connections as they were before
// the migration, under traffic on the new schema.
func lookAtCompatibility(ctx context.Context, p *play, r *understudy.Rehearsal) (understudy.Check, error) {
	if err := p.reach(ctx, migrated); err != nil {
		return understudy.Check{}, err
	}
	if p.audience == nil {
		return untold(p.deaf() + ", so the old release was not tried on the new schema"), nil
	}
	var w window
	w.from = time.Now()
	heard, err := p.listen(ctx, w.from, p.timing.Watch)
	if err != nil {
		return understudy.Check{}, err
	}
	w.until = time.Now()
	c := p.describeCompatibility(heard, r)
	if heard.Requests == 0 && !p.broken {
		return untold("no request was made in the time the old release ran on the new schema"), nil
	}
	c.Findings = newFailures(p.quiet(), heard, check.CompatibilityBroken, "", nil)
	rate, err := p.rate(ctx, heard)
	if err != nil {
		return c, err
	}
	for i := range c.Findings {
		c.Findings[i].Would = joined(c.Findings[i].Would, rate.failing(heard))
	}
	said, err := p.explained(ctx, c.Findings, w)
	if err != nil {
		return c, err
	}
	crashed, err := p.crashed(ctx)
	if err != nil {
		return c, err
	}
	c.Findings = append(c.Findings, crashed...)
	if len(crashed) == 0 {
		c.Summary += "; its processes and their connections are those from before the migration"
	}
	if said != "" && len(c.Findings) == 0 {
		c.Summary += "; no request failed of it, but the database said what it had not said before: " + said
	}
	c.Evidence, err = p.keep("compatibility.json", map[string]any{"before": p.quiet(), "after": heard})
	return c, err
}

// describeCompatibility says what the old release did on the new schema. On one that was left
// half way, which is where production would stand, it passes nothing.
func (p *play) describeCompatibility(heard Heard, r *understudy.Rehearsal) understudy.Check {
	if p.broken {
		return untold(fmt.Sprintf("the migration stopped half way; %s there: %s", r.BaselineLabel, describeHeard(heard)))
	}
	if why := p.deaf(); why != "" {
		return untold(fmt.Sprintf("%s, so nothing can be told of %s on the new schema", why, r.BaselineLabel))
	}
	c := understudy.Check{Summary: fmt.Sprintf("%s on the new schema: %s", r.BaselineLabel, describeHeard(heard))}
	if before := p.quiet(); before.Failed > 0 {
		c.Summary += fmt.Sprintf("; %d of %d failed before the migration too", before.Failed, before.Requests)
	}
	return c
}
