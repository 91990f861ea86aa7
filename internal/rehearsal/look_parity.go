package rehearsal

import (
	"context"
	"fmt"
	"strings"

	"understudy"
	"understudy/internal/check"
)

// lookAtParity measures how alike the twin, as it was just reset, is to production.
func lookAtParity(ctx context.Context, p *play, r *understudy.Rehearsal) (understudy.Check, error) {
	if p.Likeness == nil {
		return untold("nothing is known of the likeness of the twin"), nil
	}
	measured, err := p.Likeness.Measure(ctx)
	if err != nil {
		return understudy.Check{}, err
	}
	c := understudy.Check{Findings: JudgeParity(measured, p.Policy.Parity)}
	if c.Evidence, err = p.keep("parity.json", measured); err != nil {
		return c, err
	}
	summary := measured.Summarised()
	summary.Digest = c.Evidence[0].Digest
	r.Parity = &summary
	c.Summary = summary.String()
	c.Figures = []understudy.Figure{{Name: "parity", Value: summary.Figure, Basis: c.Summary}}
	return c, nil
}

// JudgeParity is the rule of the parity check: what a measurement, already held against what
// is accepted, comes to under a policy's terms.
func JudgeParity(p understudy.Parity, terms understudy.ParityTerms) []understudy.Finding {
	words := check.Facts{"environment": p.A, "twin": p.B, "blocking": terms.Blocking, "figure": fmt.Sprintf("%.1f", p.Figure), "under": terms.Under}
	var findings []understudy.Finding
	if p.Figure < terms.Under {
		findings = append(findings, check.Find(check.ParityUnder, "", fmt.Sprintf("a figure of %.1f, with %d differences", p.Figure, p.Summarised().Accidental), words))
	}
	heavy, light := map[string][]understudy.Gap{}, map[string][]understudy.Gap{}
	for _, g := range p.Gaps {
		switch {
		case !g.Accidental():
		case !understudy.Acceptable(g.Kind):
			findings = append(findings, check.Find(check.ParityCredential, g.Name, "equal values, by keyed digest", words))
		case g.Weight >= terms.Blocking:
			heavy[g.Kind] = append(heavy[g.Kind], g)
		default:
			light[g.Kind] = append(light[g.Kind], g)
		}
	}
	for _, kind := range p.Kinds() {
		for _, of := range []struct {
			code check.Code
			gaps []understudy.Gap
		}{{check.ParityBlocks, heavy[kind.Kind]}, {check.ParityDiffers, light[kind.Kind]}} {
			if len(of.gaps) > 0 {
				f := check.Find(of.code, kind.Kind, listGaps(of.gaps), words)
				f.Hurt = kind.Weight
				findings = append(findings, f)
			}
		}
	}
	return append(findings, judgeAcceptances(p)...)
}

func judgeAcceptances(p understudy.Parity) []understudy.Finding {
	var findings []understudy.Finding
	words := func(a understudy.Acceptance) check.Facts {
		return check.Facts{"twin": p.B, "owner": a.Owner, "until": a.Until, "reason": a.Reason}
	}
	for _, a := range p.Accepted() {
		seen := fmt.Sprintf("differences: %d", a.Differences)
		findings = append(findings, check.Find(check.ParityAccepted, a.String(), seen, words(a.Acceptance)))
	}
	for _, l := range p.Lapsed {
		code := check.ParityUnused
		if l.Over {
			code = check.ParityRanOut
		}
		findings = append(findings, check.Find(code, l.String(), l.Why(), words(l.Acceptance)))
	}
	return findings
}

// named is how many differences a finding names; the evidence has all.
const named = 10

func listGaps(gaps []understudy.Gap) string {
	var out []string
	for _, g := range gaps[:min(named, len(gaps))] {
		out = append(out, fmt.Sprintf("%s: %s / %s", g.Name, shortened(g.A), shortened(g.B)))
	}
	if more := len(gaps) - named; more > 0 {
		out = append(out, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(out, "; ")
}

func shortened(text string) string {
	const letters = 120
	if all := []rune(text); len(all) > letters {
		return string(all[:letters-1]) + "…"
	}
	return text
}
