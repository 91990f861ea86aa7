package rehearsal

import (
	"context"
	"fmt"
	"time"

	"understudy"
	"understudy/internal/check"
)

// contract runs the contract migration as a promotion would once it has settled: on a schema
// brought forward, under the new release, with the old one gone. What it took is attested only
// where it ran through and the new release lived on.
func (p *play) contract(ctx context.Context, c *understudy.Check) error {
	migration := p.Candidate.Application.Migration
	if migration == nil || len(migration.Contract) == 0 || p.Contractor == nil {
		return nil
	}
	p.at = empty // what is on the stage went back
	if err := p.reach(ctx, switched); err != nil {
		return err
	}
	if _, err := p.Door.Drain(ctx, Baseline); err != nil {
		return err
	}
	if err := p.Stage.Stop(ctx, Baseline); err != nil {
		return err
	}
	var w window
	w.from = time.Now()
	done, err := p.Contractor.Contract(ctx, Work)
	if err != nil {
		return err
	}
	c.Evidence = append(c.Evidence, done.Evidence...)
	c.Findings = append(c.Findings, done.Findings...)
	c.Figures = append(c.Figures, understudy.Figure{Name: "contract migration", Value: seconds(done.Took), Unit: "s", Basis: "on the twin, under traffic on the new release"})
	if !done.OK {
		c.Findings = append(c.Findings, check.Find(check.ContractFailed, "", done.Said, nil))
		return nil
	}
	heard, err := p.listen(ctx, w.from, p.timing.Watch/2)
	if err != nil {
		return err
	}
	w.until = time.Now()
	broken := newFailures(p.quiet(), heard, check.ContractBroke, "", nil)
	if _, err := p.explained(ctx, broken, w); err != nil {
		return err
	}
	c.Findings = append(c.Findings, broken...)
	c.Summary += fmt.Sprintf("; contract migration in %s: %s", rounded(done.Took), describeHeard(heard))
	if len(broken) == 0 {
		p.rehearsal.Contract = done.Expected
	}
	return nil
}
