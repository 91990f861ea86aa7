package rehearsal

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"understudy"
	"understudy/internal/check"
)

// lookAtRollback goes back to the baseline after the candidate wrote data: first the code
// alone, then the schema where the release has a way back for it, then, on a copy without
// traffic, whether the data survives going forward and back.
func lookAtRollback(ctx context.Context, p *play, r *understudy.Rehearsal) (understudy.Check, error) {
	if err := p.reach(ctx, switched); err != nil {
		return understudy.Check{}, err
	}
	defer func() { p.at = empty }()
	c := understudy.Check{}
	if why := p.deaf(); why != "" {
		c = untold(why + ", so nothing can be told of the old release after the new one")
	}
	var w window
	w.from = time.Now()
	before, err := p.written(ctx)
	if err != nil {
		return c, err
	}
	flip, heard, err := p.flipBack(ctx)
	if err != nil {
		return c, err
	}
	w.until = time.Now()
	c.Figures = append(c.Figures, understudy.Figure{Name: "flip", Value: seconds(flip), Unit: "s", Basis: "router told to router done, on the twin"})
	c.Findings = newFailures(p.quiet(), heard, check.RollbackBroken, "", check.Facts{"when": "the new release has written data"})
	c.Summary = strings.TrimPrefix(fmt.Sprintf("%s; traffic back on %s in %s: %s", c.Summary, r.BaselineLabel, rounded(flip), describeHeard(heard)), "; ")
	if _, err := p.explained(ctx, c.Findings, w); err != nil {
		return c, err
	}
	c.Evidence, err = p.keep("flip-back.json", heard)
	if err != nil {
		return c, err
	}
	if p.restores() {
		c.Findings = onlyByRestoring(c.Findings)
		err = p.restoreBack(ctx, &c, before, w.from)
	} else {
		err = p.schemaBack(ctx, &c)
	}
	if err != nil { // before c is returned: they add to it
		return c, err
	}
	err = p.contract(ctx, &c)
	return c, err
}

// flipBack sends the traffic back to the old release, which was kept warm.
func (p *play) flipBack(ctx context.Context) (time.Duration, Heard, error) {
	if p.audience != nil { // let the candidate write
		if err := wait(ctx, p.timing.Watch/2); err != nil {
			return 0, Heard{}, err
		}
	}
	from := time.Now()
	if err := p.Door.Serve(ctx, Baseline); err != nil {
		return 0, Heard{}, err
	}
	took := time.Since(from)
	if _, err := p.Door.Drain(ctx, Candidate); err != nil {
		return took, Heard{}, err
	}
	heard, err := p.listen(ctx, from, p.timing.Watch)
	return took, heard, err
}

func (p *play) schemaBack(ctx context.Context, c *understudy.Check) error {
	migration := p.Candidate.Application.Migration
	switch {
	case p.booted:
		c.Findings = append(c.Findings, noWayBack("the schema is brought forward when the release starts, and by nothing back"))
		return nil
	case migration == nil:
		return nil
	case migration.Back != understudy.WayDown:
		c.Findings = append(c.Findings, noWayBack("back: "+string(migration.Back)))
		return nil
	}
	changes, err := p.roundTrip(ctx, c)
	if err != nil || !changes {
		return err
	}
	if err := p.Stage.Stop(ctx, Candidate); err != nil {
		return err
	}
	return p.downUnderTraffic(ctx, c)
}

func (p *play) downUnderTraffic(ctx context.Context, c *understudy.Check) error {
	from := time.Now()
	down, err := p.Migrator.Down(ctx, Work)
	if err != nil {
		return err
	}
	until := time.Now()
	c.Evidence = append(c.Evidence, down.Evidence...)
	c.Figures = append(c.Figures, understudy.Figure{Name: "down", Value: seconds(down.Took), Unit: "s", Basis: "on the twin, under traffic, after the new release wrote data"})
	if !down.OK {
		c.Findings = append(c.Findings, check.Find(check.RollbackDownFailed, "", down.Said, check.Facts{"remedy": "try the down command on data that the new release has written"}))
		return nil
	}
	if down.Took > p.Policy.RollbackIn {
		c.Findings = append(c.Findings, check.Find(check.RollbackSlow, "", rounded(down.Took).String(), check.Facts{"took": rounded(down.Took), "limit": p.Policy.RollbackIn}))
	}
	return p.listenAfterDown(ctx, c, from, until, down)
}

func (p *play) listenAfterDown(ctx context.Context, c *understudy.Check, from, until time.Time, down Migrated) error {
	during, err := p.listenTo(ctx, from, until)
	if err != nil {
		return err
	}
	if during.Stalled > 0 && down.Blocked > p.Policy.BlockedFor/2 {
		rate, err := p.rate(ctx, during)
		if err != nil {
			return err
		}
		held := fmt.Sprintf("%s, %d held up past %s", describeHeard(during), during.Stalled, p.Policy.BlockedFor)
		f := check.Find(check.RollbackBlocked, "", joined(held, rate.at(during.Stalled, during)), check.Facts{"longest": rounded(during.Longest)})
		f.Hurt = during.Longest.Seconds()
		c.Findings = append(c.Findings, f)
	}
	back := window{from: time.Now()}
	after, err := p.listen(ctx, back.from, p.timing.Watch/2)
	if err != nil {
		return err
	}
	back.until = time.Now()
	broken := newFailures(p.quiet(), after, check.RollbackBroken, "", check.Facts{"when": "the way back"})
	if _, err := p.explained(ctx, broken, back); err != nil {
		return err
	}
	c.Findings = append(c.Findings, broken...)
	schema, err := p.Ledger.Schema(ctx, Work)
	if err != nil {
		return err
	}
	c.Summary += fmt.Sprintf("; down in %s", rounded(down.Took))
	return p.compareSchemas(c, p.schema, schema)
}

func (p *play) compareSchemas(c *understudy.Check, before, after json.RawMessage) error {
	changes, orders, err := p.Ledger.CompareSchemas(before, after)
	if err != nil {
		return err
	}
	if len(changes) > 0 {
		c.Findings = append(c.Findings, check.Find(check.RollbackSchema, "", strings.Join(changes, "; "),
			check.Facts{"changes": strings.Join(changes[:min(3, len(changes))], "; ")}))
	}
	for _, table := range orders {
		c.Findings = append(c.Findings, check.Find(check.RollbackOrder, table, "column order differs from before", nil))
	}
	return nil
}
