package promotion

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"understudy"
	"understudy/internal/policy"
)

// Gate holds a release against everything that must be so before it may be promoted, and
// fills in the promotion's verdict, lane, refusals and changes. It changes nothing. Where the
// glass is broken, what a person may pass over is noted there and refuses nothing. An error
// means that the gate could not be looked at, which is no permission.
func (e *Engine) Gate(ctx context.Context, p understudy.Promotion) (understudy.Promotion, error) {
	c, err := e.examine(ctx, p)
	if err != nil {
		return p, err
	}
	explained, err := policy.Explain(c)
	if err != nil {
		return p, err
	}
	p.Verdict, p.Lane, p.Refusals, p.Do = c.Verdict, explained.Lane, nil, nil
	p.Again, p.Configured = c.Again(), c.Configured
	if s := c.Statement; s != nil {
		p.LockTimeout, p.Expected, p.OldRunsOnNew = s.LockTimeout, s.Expected, s.OldRunsOnNew
		p.Restoration = s.Restoration
	}
	p.Restores = c.Release.Application.Migration.Restores()
	broken := understudy.BrokenGlass{Over: []string{}}
	for _, r := range explained.Missing() {
		if p.Glass != nil && r.Breakable && !unasked(p, r) {
			broken.Passed, broken.Over = append(broken.Passed, r.Says), append(broken.Over, r.Name)
			continue
		}
		p.Refusals = append(p.Refusals, r.Says)
		if r.Do != "" && !slices.Contains(p.Do, r.Do) {
			p.Do = append(p.Do, r.Do)
		}
	}
	if p.Glass != nil {
		broken.By, broken.Reason = p.Glass.By, p.Glass.Reason
		p.Glass = &broken
	}
	p.Changes = changes(c, explained, p.Glass)
	return p, nil
}

// unasked tells what came after somebody broke the glass: who did so has not seen it.
func unasked(p understudy.Promotion, r understudy.Requirement) bool {
	return p.Glass.Over != nil && !slices.Contains(p.Glass.Over, r.Name)
}

// Explain says how a release stands before the gate, all that holds and all that is missing.
func (e *Engine) Explain(ctx context.Context, p understudy.Promotion) (understudy.Explanation, error) {
	c, err := e.examine(ctx, p)
	if err != nil {
		return understudy.Explanation{}, err
	}
	return policy.Explain(c)
}

// examine gathers what is known of a promotion.
func (e *Engine) examine(ctx context.Context, p understudy.Promotion) (policy.Case, error) {
	c := policy.Case{Promotion: p, Now: e.Clock.Now()}
	var err error
	if c.Release, err = e.Archive.Release(ctx, p.Release); err != nil {
		return c, err
	}
	if c.Policy, err = e.Archive.Policy(ctx, p.To); err != nil {
		return c, err
	}
	if c.Production, err = e.Production.Observe(ctx, p.To); err != nil {
		return c, fmt.Errorf("observing %s: %w", p.To, err)
	}
	if c.Held, err = e.Production.Held(ctx, p.To); err != nil {
		return c, err
	}
	if c.Configured, c.Unfit, err = e.Production.Fit(ctx, p.To, c.Release); err != nil {
		return c, err
	}
	verdict, evidence, statement, err := e.Archive.Attested(ctx, p.Release)
	var unrehearsed Unrehearsed
	switch {
	case errors.As(err, &unrehearsed):
		c.Unrehearsed = unrehearsed.Why
	case understudy.KindOf(err) == understudy.KindRefused:
		c.Unreliable = err.Error()
	case err != nil:
		return c, err
	default:
		c.Verdict, c.Evidence, c.Statement = verdict, evidence, &statement
	}
	if c.Release.Application.Migration.Restores() {
		if c.Unrestorable, err = e.Restorer.Restorable(ctx, p.To); err != nil {
			return c, err
		}
	}
	if c.Debt, err = e.Consent.Debt(ctx, p.To); err != nil {
		return c, err
	}
	if c.PassedSince, err = e.Consent.PassedSince(ctx, p.Release); err != nil {
		return c, err
	}
	c.Approvals, err = e.Consent.Approvals(ctx, p.Release, p.To)
	return c, err
}

// terms is the policy that holds for a promotion, on the lane that the gate found.
func (e *Engine) terms(ctx context.Context, p *understudy.Promotion) (understudy.Policy, error) {
	asked, err := e.Archive.Policy(ctx, p.To)
	return asked.On(p.Lane), err
}

// changes says what a promotion would change, what it is spared, and what somebody passes over.
func changes(c policy.Case, explained understudy.Explanation, glass *understudy.BrokenGlass) []string {
	asked, release := c.Policy.On(explained.Lane), c.Release
	var out []string
	if glass != nil && len(glass.Passed) == 0 {
		out = append(out, "the gate lets it through: no glass has to be broken")
	} else if glass != nil {
		for _, why := range glass.Passed {
			out = append(out, "BREAK-GLASS passes over: "+why)
		}
		out = append(out, fmt.Sprintf("%s is owed a rehearsal of %s afterwards: nothing else is promoted to it before", c.Promotion.To, release.Label))
	}
	for _, line := range explained.Changed {
		out = append(out, "note: the policy has changed since the rehearsal; what it requires now holds: "+line)
	}
	if explained.Lane == understudy.LaneExpress {
		out = append(out, "it goes on the express lane: its measured radius is within policy.express")
	}
	out = append(out, copying(c, asked)...)
	if release.Application.Migration != nil {
		out = append(out, migration(c.Statement, asked)...)
	}
	out = append(out, fmt.Sprintf("release %s (%s) is started beside the old one", release.Label, release.Digest.Short()))
	if c.Production.Reconfigures() {
		out = append(out, fmt.Sprintf("its configuration in %s is another one than what runs there: understudy config diff %s", c.Promotion.To, c.Promotion.To))
	}
	out = append(out, stepping(asked))
	out = append(out, watching(c, asked))
	if m := release.Application.Migration; m != nil && len(m.Contract) > 0 && !c.Again() {
		when := asked.Contract
		if glass != nil && len(glass.Passed) > 0 {
			when = understudy.ContractByHand
		}
		out = append(out, contracting(when))
	}
	return out
}

// contracting says when the contract migration runs.
func contracting(when understudy.ContractWhen) string {
	if when == understudy.ContractAfterBake {
		return "then its contract migration runs, as policy.contract says: there is no way back to the old one after it"
	}
	return "its contract migration waits until somebody asks for it (understudy promotion contract); until then the old one is kept warm"
}

// migration says what is expected of the migration, and what stops it.
func migration(statement *understudy.Statement, asked understudy.Policy) []string {
	if statement == nil {
		return []string{fmt.Sprintf("the migration runs without having been rehearsed, with lock_timeout %s and up to %d tries; it is stopped when others wait for it longer than %s",
			asked.LockTimeout, asked.Retries, asked.BlockedFor)}
	}
	runs := fmt.Sprintf("the migration runs (%s in the rehearsal), with lock_timeout %s and up to %d tries, each of which waits for a quiet moment for %s at most",
		statement.Migrated.Round(1e7), cmp.Or(statement.LockTimeout, asked.LockTimeout), asked.Retries, asked.QuietWait)
	e := statement.Expected
	if e == nil {
		return []string{runs, fmt.Sprintf("it is stopped when others wait for it longer than %s; the verdict does not say which locks and what time to expect", asked.BlockedFor)}
	}
	locks := "nothing that is there strongly"
	if all := e.Locked(); len(all) > 0 {
		locks = strings.Join(all, ", ")
	}
	return []string{
		runs,
		fmt.Sprintf("expected here: %s (%s); it locks %s", e.Range(), e.Basis, locks),
		fmt.Sprintf("it is stopped at a lock that was not rehearsed, after %s, or when others wait for it longer than %s; then nothing is switched", e.Limit().Round(time.Millisecond), asked.BlockedFor),
	}
}

// Refused is the error that tells a person or a pipeline why a release may not be promoted.
func Refused(p understudy.Promotion) error {
	text := fmt.Sprintf("%s may not be promoted to %s:", p.Label, p.To)
	for _, why := range p.Refusals {
		text += "\n  - " + why
	}
	return understudy.Errorf(understudy.KindRefused, "%s", text).WithHint("%s", strings.Join(p.Do, "\n"))
}

// percents lists steps as people say them: "10, 50 and 100 %".
// stepping says how the traffic goes over. The last step is watched by the bake.
func stepping(asked understudy.Policy) string {
	if len(asked.Steps) < 2 {
		return fmt.Sprintf("it gets %s of the traffic at once", percents(asked.Steps))
	}
	return fmt.Sprintf("it gets %s of the traffic, each step watched for %s", percents(asked.Steps), asked.StepFor)
}

func percents(steps []int) string {
	text := ""
	for i, step := range steps {
		switch {
		case i > 0 && i == len(steps)-1:
			text += " and "
		case i > 0:
			text += ", "
		}
		text += fmt.Sprint(step)
	}
	return text + " %"
}
