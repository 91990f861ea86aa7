package rehearsal

import (
	"context"
	"fmt"
	"slices"
	"time"

	"understudy"
	"understudy/internal/check"
)

// restores tells whether the candidate goes back by the databases' safety copy.
func (p *play) restores() bool {
	return p.Restorer != nil && p.Candidate.Application.Migration.Restores()
}

// written counts what was written on the work copy, where that would be lost.
func (p *play) written(ctx context.Context) (understudy.Written, error) {
	if !p.restores() {
		return nil, nil
	}
	return p.Restorer.Written(ctx)
}

// onlyByRestoring makes of an old release that breaks after the new one wrote what it means
// where the databases are restored: not that going back fails, but that nothing goes back by
// itself.
func onlyByRestoring(findings []understudy.Finding) []understudy.Finding {
	for i, f := range findings {
		if f.Severity == understudy.SeverityBlocking {
			findings[i] = check.Find(check.RollbackOnlyByRestoring, f.Subject, f.Seen, nil)
			findings[i].Hurt = f.Hurt
		}
	}
	return findings
}

func isOnlyByRestoring(f understudy.Finding) bool {
	return f.Code == string(check.RollbackOnlyByRestoring)
}

// restoreBack brings the databases back as a rollback would: nobody is served meanwhile, the
// new release is gone, and the old one is started anew on what was there before. It is
// attested only where all of that was so.
func (p *play) restoreBack(ctx context.Context, c *understudy.Check, before understudy.Written, since time.Time) error {
	within := time.Since(since)
	r := understudy.Restoration{OldAfterNew: p.deaf() == "" && !slices.ContainsFunc(c.Findings, isOnlyByRestoring)}
	p.leave()
	if err := p.Stage.Stop(ctx, Candidate); err != nil {
		return err
	}
	done, err := p.Restorer.Restore(ctx)
	if err != nil {
		return err
	}
	if !done.OK {
		c.Findings = append(c.Findings, check.Find(check.RollbackRestoreFailed, "", done.Said, nil))
		return nil
	}
	had := len(c.Findings)
	if err := p.proveRestored(ctx, c); err != nil {
		return err
	}
	ready, err := p.startRestored(ctx)
	if err != nil {
		return err
	}
	r.Copied, r.Bytes, r.Took, r.Basis = done.Copied, done.Bytes, done.Took+ready, done.Basis
	r.Low, r.High = ready+scaled(done.Took, done.Least), ready+scaled(done.Took, done.Most)
	p.tellRestored(c, r, done.Written.Since(before), within)
	if err := p.servesRestored(ctx, c); err != nil {
		return err
	}
	if !slices.ContainsFunc(c.Findings[had:], func(f understudy.Finding) bool { return f.Severity == understudy.SeverityBlocking }) {
		p.rehearsal.Restoration = &r
	}
	return nil
}

// startRestored starts the old release on what was restored, and says how long that took.
func (p *play) startRestored(ctx context.Context) (time.Duration, error) {
	if err := p.Restorer.Prepare(ctx); err != nil {
		return 0, err
	}
	began := time.Now()
	err := p.Stage.Start(ctx, Baseline)
	return time.Since(began), err
}

func scaled(d time.Duration, by float64) time.Duration { return time.Duration(float64(d) * by) }

// tellRestored says how long it took, whether that is too long, and what it costs.
func (p *play) tellRestored(c *understudy.Check, r understudy.Restoration, lost understudy.Written, within time.Duration) {
	c.Figures = append(c.Figures,
		understudy.Figure{Name: "safety copy", Value: seconds(r.Copied), Unit: "s", Basis: "of the twin, without traffic"},
		understudy.Figure{Name: "size of the safety copy", Value: float64(r.Bytes), Unit: "B", Basis: "of the twin"},
		understudy.Figure{Name: "restore", Value: seconds(r.Took), Unit: "s", Basis: "on the twin, after the new release wrote data, until the old one was ready"},
		understudy.Figure{Name: "restore in production, at most", Value: seconds(r.High), Unit: "s", Basis: r.Range() + "; " + r.Basis},
	)
	c.Summary += fmt.Sprintf("; databases restored in %s (expected in production: %s)", rounded(r.Took), r.Range())
	if longest := max(r.Took, r.High); longest > p.Policy.RollbackIn {
		seen := fmt.Sprintf("%s on the twin; expected in production: %s (%s)", rounded(r.Took), r.Range(), r.Basis)
		c.Findings = append(c.Findings, check.Find(check.RollbackSlow, "", seen, check.Facts{"took": rounded(longest), "limit": p.Policy.RollbackIn}))
	}
	rows := "no row was written"
	if lost.Rows() > 0 {
		rows = fmt.Sprintf("%s rows were written (%s)", number(lost.Rows()), lost)
	}
	seen := fmt.Sprintf("%s in the %s from the new release's first request until the restore, under the rehearsal's traffic", rows, rounded(within))
	f := check.Find(check.RollbackWritesLost, "", seen, check.Facts{"rows": rows + " here in " + rounded(within).String()})
	f.Hurt = float64(lost.Rows())
	c.Findings = append(c.Findings, f)
}

// proveRestored compares what is there with what was there before the migration.
func (p *play) proveRestored(ctx context.Context, c *understudy.Check) error {
	was, err := p.take(ctx, Golden)
	if err != nil {
		return err
	}
	is, err := p.take(ctx, Work)
	if err != nil {
		return err
	}
	if err := p.compareSchemas(c, was.schema, is.schema); err != nil {
		return err
	}
	return p.compareData(ctx, c, Work, was.data, is.data)
}

// servesRestored lets a new audience in, and holds the old release to what it did before.
func (p *play) servesRestored(ctx context.Context, c *understudy.Check) error {
	if err := p.Door.Serve(ctx, Baseline); err != nil || p.Crowd == nil {
		return err
	}
	audience, err := p.Crowd.Gather(ctx)
	if err != nil {
		return err
	}
	p.audience = audience
	back := window{from: time.Now()}
	heard, err := p.listen(ctx, back.from, p.timing.Watch)
	if err != nil {
		return err
	}
	back.until = time.Now()
	broken := newFailures(p.quiet(), heard, check.RollbackBroken, "", check.Facts{"when": "the databases were restored"})
	if _, err := p.explained(ctx, broken, back); err != nil {
		return err
	}
	c.Findings = append(c.Findings, broken...)
	c.Summary += "; the old release on them: " + describeHeard(heard)
	return nil
}
