package rehearsal

import (
	"context"
	"fmt"

	"understudy"
	"understudy/internal/check"
)

// Comparison is what is known of the configuration on both sides.
type Comparison struct {
	Environment string // the one the candidate would be promoted to
	Twin        string
	Needs       []understudy.ConfigKey // what the candidate cannot run without
	Declared    []understudy.ConfigKey // all that the candidate declares
	Was         []understudy.ConfigKey // all that the baseline declares
	Target      map[string]Held        // what the environment holds, by key
	OnTwin      map[string]Held
}

// Held is a value that an environment has for a key, never the value itself.
type Held struct {
	Print string // keyed digest: equal values have equal prints
	Empty bool
}

// lookAtConfig holds the candidate's needs against what production has.
func lookAtConfig(ctx context.Context, p *play, _ *understudy.Rehearsal) (understudy.Check, error) {
	if p.Settings == nil {
		return understudy.Check{Summary: "nothing is known of the target's configuration", Outcome: understudy.OutcomeInconclusive}, nil
	}
	compared, err := p.Settings.Compare(ctx)
	if err != nil {
		return understudy.Check{}, err
	}
	c := understudy.Check{Findings: CompareSettings(compared)}
	c.Summary = fmt.Sprintf("%d keys needed, %d held by %s", len(compared.Needs), len(compared.Target), compared.Environment)
	return c, nil
}

// CompareSettings is the rule of the config check.
func CompareSettings(c Comparison) []understudy.Finding {
	findings := missing(c)
	for _, key := range c.Declared {
		target, has := c.Target[key.Key]
		twin, twinHas := c.OnTwin[key.Key]
		if key.Unique && has && twinHas && target.Print == twin.Print && !target.Empty {
			seen := fmt.Sprintf("equal values (by keyed digest) in %s and %s", c.Environment, c.Twin)
			findings = append(findings, check.Find(check.ConfigShared, key.Key, seen, check.Facts{"environment": c.Environment, "twin": c.Twin}))
		}
	}
	return append(findings, drift(c)...)
}

func missing(c Comparison) []understudy.Finding {
	var findings []understudy.Finding
	for _, key := range c.Needs {
		held, has := c.Target[key.Key]
		facts := check.Facts{"environment": c.Environment, "about": about(key)}
		_, twinHas := c.OnTwin[key.Key]
		switch {
		case !has && twinHas:
			findings = append(findings, check.Find(check.ConfigMissing, key.Key,
				fmt.Sprintf("the release needs it; %s has it, %s does not", c.Twin, c.Environment), facts))
		case !has:
			findings = append(findings, check.Find(check.ConfigMissing, key.Key, "the release needs it; nobody has it", facts))
		case held.Empty:
			findings = append(findings, check.Find(check.ConfigEmpty, key.Key, "set, and empty", facts))
		}
	}
	return findings
}

func about(key understudy.ConfigKey) string {
	if key.About == "" {
		return "the release does not say what it is for"
	}
	return key.About
}

func drift(c Comparison) []understudy.Finding {
	var findings []understudy.Finding
	was, is := keySet(c.Was), keySet(c.Declared)
	for _, key := range c.Declared {
		if !was[key.Key] {
			findings = append(findings, check.Find(check.ConfigAdded, key.Key, "declared by the candidate, not by the baseline", check.Facts{"environment": c.Environment}))
		}
	}
	for _, key := range c.Was {
		if !is[key.Key] {
			findings = append(findings, check.Find(check.ConfigRemoved, key.Key, "declared by the baseline, not by the candidate", check.Facts{"environment": c.Environment}))
		}
	}
	needed := keySet(c.Needs)
	for key := range c.OnTwin {
		if _, has := c.Target[key]; !has && !needed[key] {
			findings = append(findings, check.Find(check.ConfigOnlyTwin, key, "set on one side", check.Facts{"environment": c.Environment, "twin": c.Twin}))
		}
	}
	return findings
}

func keySet(keys []understudy.ConfigKey) map[string]bool {
	set := map[string]bool{}
	for _, k := range keys {
		set[k.Key] = true
	}
	return set
}
