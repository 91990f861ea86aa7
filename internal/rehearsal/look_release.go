package rehearsal

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"understudy"
	"understudy/internal/check"
)

// brokenOff is why the checks after a failed migration cannot look.
func brokenOff() error {
	return understudy.Errorf(understudy.KindFailed, "the migration did not run through, so nothing after it can be looked at")
}

// deaf is why the crowd cannot tell how the old release does; empty: it can. Where each
// request failed before anything was changed, none can fail anew, and silence is no pass.
func (p *play) deaf() string {
	before := p.quiet()
	switch {
	case p.audience == nil:
		return "there is no traffic (understudy.yaml has no traffic:, or the twin no listen:; for a database alone, --traffic is not given and no table has a key of one column)"
	case before.Requests > 0 && before.Failed >= before.Requests:
		classes := slices.Sorted(maps.Keys(before.Classes))
		return fmt.Sprintf("all %d requests of the declared traffic failed before anything was changed (%s)",
			before.Requests, strings.Join(classes[:min(3, len(classes))], ", "))
	}
	return ""
}

func untold(why string) understudy.Check {
	return understudy.Check{Outcome: understudy.OutcomeInconclusive, Summary: why}
}

// newFailures makes a finding of what fails now and did not before. One single failure
// is a warning: chance makes some.
func newFailures(before, after Heard, code check.Code, subject string, facts check.Facts) []understudy.Finding {
	many, single := fresher(before, after)
	all := append(many, single...)
	if len(all) == 0 {
		return nil
	}
	if facts == nil {
		facts = check.Facts{}
	}
	facts["classes"], facts["lost"], facts["rate"] = strings.Join(all, ", "), after.Failed, fmt.Sprintf("%.0f", after.Rate)
	seen := fmt.Sprintf("%d of %d requests failed; before, %d of %d: %s", after.Failed, after.Requests, before.Failed, before.Requests,
		strings.Join(withExamples(all, after.Samples), "; "))
	f := check.Find(code, subject, seen, facts)
	f.Hurt = float64(after.Failed)
	if len(many) == 0 {
		f.Severity = understudy.SeverityWarning
	}
	return []understudy.Finding{f}
}

// withExamples adds what one failure of each class said to the first classes, short enough
// to be read; all of them are evidence. Classes are as fresher writes them.
func withExamples(classes, samples []string) []string {
	out := slices.Clone(classes)
	for i := range out[:min(len(out), 3)] {
		class := out[i][:strings.LastIndex(out[i], " (")]
		for _, sample := range samples {
			said, of := strings.CutPrefix(sample, class+": ")
			plain, _, _ := strings.Cut(said, "<") // a page says no more than its status
			text := []rune(strings.TrimRight(plain, ": "))
			if !of || len(text) == 0 {
				continue
			}
			if len(text) > exampleLength {
				text = append(text[:exampleLength], '…')
			}
			out[i] += ", for example: " + string(text)
			break
		}
	}
	return out
}

const exampleLength = 180

// lookAtDeployment does the real switch on the twin, under traffic.
func lookAtDeployment(ctx context.Context, p *play, r *understudy.Rehearsal) (understudy.Check, error) {
	if err := p.reach(ctx, migrated); err != nil {
		return understudy.Check{}, err
	}
	if p.broken {
		return understudy.Check{}, brokenOff()
	}
	started := time.Now()
	if err := p.Stage.Start(ctx, Candidate); err != nil {
		return p.notReady(err, r)
	}
	ready := time.Since(started)
	findings, err := p.bits(ctx, r)
	if err != nil {
		return understudy.Check{}, err
	}
	heard, cut, err := p.switchOver(ctx)
	if err != nil {
		p.at = empty
		return understudy.Check{}, err
	}
	p.at = switched
	c := p.describeSwitch(heard)
	c.Findings = append(findings, p.judgeSwitch(heard, cut)...)
	c.Summary += fmt.Sprintf("ready after %s; switched under traffic: %s, %d cut off", rounded(ready), describeHeard(heard.whole), cut)
	c.Evidence, err = p.keep("switch.json", map[string]any{"before": p.quiet(), "switch": heard.whole, "after": heard.settled})
	return c, err
}

// describeSwitch begins what is said of the new release. Where all failed before and all fails
// after, no request has shown that it works.
func (p *play) describeSwitch(heard heardSwitch) understudy.Check {
	if why := p.deaf(); p.audience != nil && why != "" && heard.settled.Failed >= heard.settled.Requests {
		return untold(why + ", and so did all on the new release; ")
	}
	return understudy.Check{}
}

func (p *play) notReady(err error, r *understudy.Rehearsal) (understudy.Check, error) {
	if understudy.KindOf(err) != understudy.KindFailed && understudy.KindOf(err) != understudy.KindInvalid {
		return understudy.Check{}, err
	}
	p.unready = err
	f := check.Find(check.DeploymentNotReady, r.Label, err.Error(), nil)
	return understudy.Check{Findings: []understudy.Finding{f}, Summary: r.Label + " did not become ready"}, nil
}

// bits holds what the candidate's processes run, and what they are configured with, against
// what they are to.
func (p *play) bits(ctx context.Context, r *understudy.Rehearsal) ([]understudy.Finding, error) {
	bits, err := p.Door.Bits(ctx, Candidate)
	r.Running = nil
	var findings []understudy.Finding
	for _, b := range bits {
		if !b.Match {
			findings = append(findings, check.Find(check.DeploymentDigest, b.Service, b.Found, nil))
		}
		if b.Config.Print != "" {
			r.Running = append(r.Running, b.Config)
		}
		if b.Given != "" && b.Config.Print != b.Given {
			seen := fmt.Sprintf("keyed digest %.12s, expected %.12s (%s)", b.Config.Print, b.Given, howSeen(b.Config))
			findings = append(findings, check.Find(check.DeploymentConfig, b.Service, seen, nil))
		}
	}
	return findings, err
}

func howSeen(ran understudy.ConfigRan) string {
	switch ran.Read {
	case "kernel":
		return "read back from the running process"
	case "":
		return "the process did not tell"
	}
	return "as the kernel was asked to start it"
}

// heardSwitch is the traffic from the moment of the switch on: whole counts the requests
// lost in it, settled what the new release answered once it served alone.
type heardSwitch struct{ before, whole, settled Heard }

func (p *play) switchOver(ctx context.Context) (heardSwitch, int, error) {
	if p.audience == nil {
		return heardSwitch{}, 0, p.Door.Serve(ctx, Candidate)
	}
	was := time.Now()
	old, err := p.listen(ctx, was, p.timing.Watch/2)
	if err != nil {
		return heardSwitch{}, 0, err
	}
	from := time.Now()
	if err := p.Door.Serve(ctx, Candidate); err != nil {
		return heardSwitch{}, 0, err
	}
	cut, err := p.Door.Drain(ctx, Baseline)
	if err != nil {
		return heardSwitch{}, cut, err
	}
	drained := time.Now()
	settled, err := p.listen(ctx, drained, p.timing.Watch)
	whole := p.audience.Window(from, time.Now(), p.Policy.BlockedFor)
	return heardSwitch{before: old, whole: whole, settled: settled}, cut, err
}

// judgeSwitch keeps apart what the switch lost from what the new release gets wrong.
// What the old release got wrong just before the switch is the compatibility check's.
func (p *play) judgeSwitch(heard heardSwitch, cut int) []understudy.Finding {
	findings := newFailures(p.quiet(), heard.settled, check.DeploymentErrors, "", nil)
	lost := lostOnly(heard.whole)
	if cut > 0 {
		lost.Classes["cut off while draining"] += cut
		lost.Failed += cut
	}
	return append(findings, newFailures(lostOnly(heard.before), lost, check.DeploymentLost, "", nil)...)
}

// lostOnly keeps the failures in which no service answered: refused, reset, timed out, or
// the door's own 502, 503 and 504.
func lostOnly(h Heard) Heard {
	kept := map[string]int{}
	failed := 0
	for class, n := range h.Classes {
		answered := true
		for _, sign := range []string{"refused", "reset", "timeout", "EOF", "no answer", "closed", "→ 502", "→ 503", "→ 504"} {
			answered = answered && !strings.Contains(class, sign)
		}
		if !answered {
			kept[class], failed = n, failed+n
		}
	}
	h.Classes, h.Failed = kept, failed
	return h
}

// lookAtTests runs the team's own tests against the candidate on the twin. What fails is
// run once more, so that chance is told from fault.
func lookAtTests(ctx context.Context, p *play, _ *understudy.Rehearsal) (understudy.Check, error) {
	tests := p.Candidate.Application.Tests
	if len(tests) == 0 {
		return understudy.Check{Summary: "the release declares no tests"}, nil
	}
	if err := p.reach(ctx, switched); err != nil {
		return understudy.Check{}, err
	}
	var c understudy.Check
	ran := 0
	for _, test := range tests {
		tested, findings, err := p.test(ctx, test)
		if err != nil {
			return c, fmt.Errorf("test %s: %w", test.Name, err)
		}
		ran += tested.Ran
		c.Findings = append(c.Findings, findings...)
		c.Evidence = append(c.Evidence, tested.Evidence...)
	}
	c.Summary = fmt.Sprintf("%d of %d commands passed, %d cases", len(tests)-len(c.Findings), len(tests), ran)
	return c, nil
}

func (p *play) test(ctx context.Context, test understudy.Test) (Tested, []understudy.Finding, error) {
	first, err := p.Tester.Test(ctx, Candidate, test)
	if err != nil || first.Passed {
		return first, nil, err
	}
	second, err := p.Tester.Test(ctx, Candidate, test)
	if err != nil {
		return first, nil, err
	}
	code := check.TestsFailed
	if second.Passed {
		code = check.TestsFlaky
	}
	f := check.Find(code, test.Name, strings.Join(first.Failed, "; "), nil)
	f.Evidence = first.Evidence
	first.Evidence = append(first.Evidence, second.Evidence...)
	return first, []understudy.Finding{f}, nil
}
