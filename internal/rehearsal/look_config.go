package rehearsal

import (
	"context"
	"fmt"
	"slices"

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
	// Changes is what the environment's processes would find changed: from what they run with
	// now to what the candidate would be started with.
	Changes []understudy.ConfigChange
	Differs []Differing // defaults of the candidate over which the environment has another value
	Broken  []Broken    // types and rules that are not kept
	Unread  []Unread    // keys that nothing in the candidate reads
	Looked  string      // how that was measured, or why it was not
}

// Held is a value that an environment has for a key, never the value itself.
type Held struct {
	Print string // keyed digest: equal values have equal prints
	Empty bool
}

// Differing is a default of the release that does not hold in the environment. Texts are as
// they may be shown.
type Differing struct{ Key, Default, Value, From string }

// Broken is a type or a rule that one environment's configuration does not keep.
type Broken struct{ Environment, Key, Says string }

// Unread is a key that is set or declared, and read by nothing.
type Unread struct{ Key, Where string }

// lookAtConfig holds the candidate's needs against what production has.
func lookAtConfig(ctx context.Context, p *play, r *understudy.Rehearsal) (understudy.Check, error) {
	if p.Settings == nil {
		return understudy.Check{Summary: "nothing is known of the target's configuration", Outcome: understudy.OutcomeInconclusive}, nil
	}
	compared, err := p.Settings.Compare(ctx)
	if err != nil {
		return understudy.Check{}, err
	}
	r.Reconfigures(compared.Changes)
	c := understudy.Check{Findings: CompareSettings(compared)}
	c.Summary = fmt.Sprintf("%d keys needed, %d held by %s", len(compared.Needs), len(compared.Target), compared.Environment)
	if n := len(compared.Changes); n > 0 {
		c.Summary += fmt.Sprintf(", %d change", n)
	}
	if compared.Looked != "" {
		c.Summary += "; " + compared.Looked
	}
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
	for _, b := range c.Broken {
		findings = append(findings, check.Find(check.ConfigBroken, b.Key, b.Says, check.Facts{"environment": b.Environment}))
	}
	findings = append(findings, changed(c)...)
	for _, u := range c.Unread {
		findings = append(findings, check.Find(check.ConfigUnused, u.Key, u.Where+"; "+c.Looked, check.Facts{"where": u.Where}))
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

// changed says what is another value than now, and what is another one than the release says.
// What only comes or goes is said of the keys that are declared.
func changed(c Comparison) []understudy.Finding {
	var findings []understudy.Finding
	was, is := keySet(c.Was), keySet(c.Declared)
	for _, change := range c.Changes {
		if change.Change != "changed" && was[change.Key] != is[change.Key] {
			continue
		}
		seen := fmt.Sprintf("%s now (%s), then %s (%s)", change.A, change.FromA, change.B, change.FromB)
		switch change.Change {
		case "added":
			seen = fmt.Sprintf("not set now, then %s (%s)", change.B, change.FromB)
		case "removed":
			seen = fmt.Sprintf("%s now (%s), then not set", change.A, change.FromA)
		}
		if change.Service != "" {
			seen = "service " + change.Service + ": " + seen
		}
		findings = append(findings, check.Find(check.ConfigChanged, change.Key, seen, check.Facts{"environment": c.Environment}))
	}
	for _, d := range c.Differs {
		seen := fmt.Sprintf("%s in the release, %s in %s (%s)", d.Default, d.Value, c.Environment, d.From)
		findings = append(findings, check.Find(check.ConfigDiffers, d.Key, seen, check.Facts{"environment": c.Environment}))
	}
	return findings
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
	for _, key := range heldKeys(c.OnTwin) {
		if _, has := c.Target[key]; !has && !needed[key] {
			findings = append(findings, check.Find(check.ConfigOnlyTwin, key, "set on one side", check.Facts{"environment": c.Environment, "twin": c.Twin}))
		}
	}
	return findings
}

func heldKeys(held map[string]Held) []string {
	var out []string
	for key := range held {
		out = append(out, key)
	}
	slices.Sort(out)
	return out
}

func keySet(keys []understudy.ConfigKey) map[string]bool {
	set := map[string]bool{}
	for _, k := range keys {
		set[k.Key] = true
	}
	return set
}
