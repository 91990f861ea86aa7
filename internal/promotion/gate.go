package promotion

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"understudy"
)

// Gate holds a release against everything that must be so before it may be promoted, and
// fills in the promotion's verdict, refusals and changes. It changes nothing. An error
// means that the gate could not be looked at, which is no permission.
func (e *Engine) Gate(ctx context.Context, p understudy.Promotion) (understudy.Promotion, error) {
	release, err := e.Archive.Release(ctx, p.Release)
	if err != nil {
		return p, err
	}
	policy, err := e.Archive.Policy(ctx, p.To)
	if err != nil {
		return p, err
	}
	production, err := e.Production.Observe(ctx, p.To)
	if err != nil {
		return p, fmt.Errorf("observing %s: %w", p.To, err)
	}
	p.Refusals = nil
	if held, err := e.Production.Held(ctx, p.To); err != nil {
		return p, err
	} else if held != "" {
		p.Refusals = append(p.Refusals, fmt.Sprintf("%s is held: %s (understudy hold lift %s --reason … ends it)", p.To, held, p.To))
	}
	if production.Release == p.Release {
		p.Refusals = append(p.Refusals, fmt.Sprintf("%s runs release %s already", p.To, release.Label))
	}
	verdict, statement, err := e.Archive.Attested(ctx, p.Release)
	switch {
	case understudy.KindOf(err) == understudy.KindRefused:
		p.Refusals = append(p.Refusals, err.Error())
		return p, nil
	case err != nil:
		return p, err
	}
	gate := understudy.Gate{Release: release, Production: production, Policy: policy, Now: e.Clock.Now()}
	p.Verdict, p.LockTimeout = verdict, statement.LockTimeout
	p.Expected, p.OldRunsOnNew = statement.Expected, statement.OldRunsOnNew
	p.Refusals = append(p.Refusals, gate.Refusals(statement)...)
	p.Changes, err = changes(release, statement, policy)
	return p, err
}

func changes(release understudy.Release, statement understudy.Statement, policy understudy.Policy) ([]string, error) {
	var out []string
	now, err := understudy.DigestOfValue(policy)
	if now != statement.Policy {
		out = append(out, "note: the policy has changed since the rehearsal; what it requires now holds")
	}
	if policy.SafetyCopy {
		out = append(out, "a safety copy of the databases is made")
	}
	if release.Application.Migration != nil {
		out = append(out, migration(statement, policy)...)
	}
	out = append(out, fmt.Sprintf("release %s (%s) is started beside the old one", release.Label, release.Digest.Short()))
	out = append(out, fmt.Sprintf("it gets %s of the traffic, each step watched for %s", percents(policy.Steps), policy.StepFor))
	return append(out, fmt.Sprintf("it is watched for %s more; if it gets worse the old one takes over again by itself", policy.Bake)), err
}

// migration says what is expected of the migration, and what stops it.
func migration(statement understudy.Statement, policy understudy.Policy) []string {
	runs := fmt.Sprintf("the migration runs (%s in the rehearsal), with lock_timeout %s and up to %d tries, each of which waits for a quiet moment for %s at most",
		statement.Migrated.Round(1e7), cmp.Or(statement.LockTimeout, policy.LockTimeout), policy.Retries, policy.QuietWait)
	e := statement.Expected
	if e == nil {
		return []string{runs, fmt.Sprintf("it is stopped when others wait for it longer than %s; the verdict does not say which locks and what time to expect", policy.BlockedFor)}
	}
	locks := "nothing that is there strongly"
	if all := e.Locked(); len(all) > 0 {
		locks = strings.Join(all, ", ")
	}
	return []string{
		runs,
		fmt.Sprintf("expected here: %s (%s); it locks %s", e.Range(), e.Basis, locks),
		fmt.Sprintf("it is stopped at a lock that was not rehearsed, after %s, or when others wait for it longer than %s; then nothing is switched", e.Limit().Round(time.Millisecond), policy.BlockedFor),
	}
}

// Refused is the error that tells a person or a pipeline why a release may not be promoted.
func Refused(p understudy.Promotion) error {
	text := fmt.Sprintf("%s may not be promoted to %s:", p.Label, p.To)
	for _, why := range p.Refusals {
		text += "\n  - " + why
	}
	return understudy.Errorf(understudy.KindRefused, "%s", text).
		WithHint("rehearse it as things are now: understudy rehearse %s", p.Label)
}

// percents lists steps as people say them: "10, 50 and 100 %".
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
