package rehearsal

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"understudy"
	"understudy/internal/check"
)

// lookAtMigration runs the team's own command on the work copy under traffic, and a
// second time, as an interrupted promotion would; then it makes experiments with it. Where
// there is no command, starting the release is what is looked at.
func lookAtMigration(ctx context.Context, p *play, r *understudy.Rehearsal) (understudy.Check, error) {
	switch {
	case p.boots():
		return lookAtBoot(ctx, p, r)
	case p.Candidate.Application.Migration == nil:
		return understudy.Check{Summary: "the release declares no migration"}, nil
	}
	done, heard, err := p.migrateHeard(ctx)
	if err != nil {
		return understudy.Check{}, err
	}
	p.at, p.broken = migrated, !done.OK
	return p.judgeMigration(ctx, done, heard)
}

// migrateHeard runs the migration on a fresh stage, and says what the crowd came to meanwhile.
func (p *play) migrateHeard(ctx context.Context) (Migrated, Heard, error) {
	if err := p.reach(ctx, fresh); err != nil {
		return Migrated{}, Heard{}, err
	}
	from := time.Now()
	done, err := p.Migrator.Up(ctx, Work)
	if err != nil {
		p.at = empty
		return done, Heard{}, err
	}
	until := time.Now()
	heard, err := p.listenTo(ctx, from, until)
	return done, heard, err
}

func (p *play) judgeMigration(ctx context.Context, done Migrated, heard Heard) (understudy.Check, error) {
	rate, err := p.rate(ctx, heard)
	if err != nil {
		return understudy.Check{}, err
	}
	c := understudy.Check{Findings: rate.counted(done.Findings), Evidence: done.Evidence}
	c.Findings = append(c.Findings, p.judgeHeard(heard, done.Blocked, rate)...)
	c.Figures = append(done.Figures, understudy.Figure{
		Name: FigureMigration, Value: seconds(done.Took), Unit: "s", Basis: "on the twin, under traffic",
	})
	c.Summary = fmt.Sprintf("took %s; somebody was blocked for %s at most; %s", rounded(done.Took), rounded(done.Blocked), describeHeard(heard))
	kept, err := p.keep("migration-traffic.json", map[string]any{"before": p.before, "during": heard})
	c.Evidence = append(c.Evidence, kept...)
	if err != nil || !done.OK {
		return c, err
	}
	p.rehearsal.Expect(done.Expected)
	p.rehearsal.Reaches(done.Seen)
	again, err := p.repeat(ctx)
	c.Findings = append(c.Findings, again...)
	if err != nil {
		return c, err
	}
	if len(again) > 0 {
		c.Summary += "; as it cannot be run twice, it was not tried behind a long transaction, killed on its way or started twice"
		return c, nil
	}
	err = p.experiments(ctx, &c, done, rate) // before c is returned: it adds to it
	return c, err
}

// listenTo is what was heard between two moments, once the requests that were due then
// have had time to be answered.
func (p *play) listenTo(ctx context.Context, from, until time.Time) (Heard, error) {
	if p.audience == nil {
		return Heard{}, nil
	}
	err := wait(ctx, time.Second)
	return p.audience.Window(from, until, p.Policy.BlockedFor), err
}

func (p *play) repeat(ctx context.Context) ([]understudy.Finding, error) {
	again, err := p.Migrator.Up(ctx, Work)
	if err != nil || again.OK {
		return nil, err
	}
	return []understudy.Finding{check.Find(check.MigrationNotRepeats, "", again.Said, nil)}, nil
}

// judgeHeard judges what customers would have felt. Waiting is put down to locks only
// where the database itself was seen to block somebody: a slow machine is no finding.
func (p *play) judgeHeard(heard Heard, blocked time.Duration, rate Rate) []understudy.Finding {
	var findings []understudy.Finding
	if heard.Stalled > 0 {
		seen := fmt.Sprintf("%d of %d requests took longer than %s from the moment they were due, the longest %s; before the migration the slowest took %s",
			heard.Stalled, heard.Requests, p.Policy.BlockedFor, rounded(heard.Longest), rounded(p.quiet().Max))
		f := check.Find(check.MigrationStalled, "", seen, check.Facts{
			"longest": rounded(heard.Longest), "budget": p.Policy.BlockedFor,
			"requests": cmp.Or(rate.at(heard.Stalled, heard), fmt.Sprint(heard.Stalled)),
		})
		f.Hurt = heard.Longest.Seconds()
		if blocked < p.Policy.BlockedFor/2 {
			f.Severity = understudy.SeverityWarning
			f.Seen += "; nothing in the database was seen to be blocked, so the machine may have been slow"
		}
		findings = append(findings, f)
	}
	if many, _ := fresher(p.quiet(), heard); len(many) > 0 {
		f := check.Find(check.MigrationBroke, "", strings.Join(withExamples(many, heard.Samples), "; "), check.Facts{"classes": joined(strings.Join(many, ", "), rate.at(heard.Failed, heard))})
		f.Hurt = float64(heard.Failed)
		findings = append(findings, f)
	}
	return findings
}

// quiet is what the crowd came to before anything was changed.
func (p *play) quiet() Heard {
	if p.before == nil {
		return Heard{}
	}
	return *p.before
}

func describeHeard(h Heard) string {
	if h.Requests == 0 {
		return "no request in that time"
	}
	return fmt.Sprintf("%d requests, %d failed, slowest %s", h.Requests, h.Failed, rounded(h.Max))
}
