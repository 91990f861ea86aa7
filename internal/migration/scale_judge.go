package migration

import (
	"fmt"
	"slices"
	"time"

	"understudy"
	"understudy/internal/check"
)

// atSize adds to findings what becomes of them with production's sizes, and finds what is
// within the budget on the twin and would not be there.
func atSize(findings []understudy.Finding, ran Ran, budget Budget) []understudy.Finding {
	estimates := Estimates(ran, budget)
	for i, f := range findings {
		findings[i] = scaled(f, estimates)
	}
	return append(findings, outgrown(ran.Observation, estimates, budget)...)
}

// scaled adds to a finding about one relation what its time would be with production's
// sizes. Findings of other kinds, and of relations that nothing is known of, stay as they are.
func scaled(f understudy.Finding, estimates []Estimate) understudy.Finding {
	at := slices.IndexFunc(estimates, func(e Estimate) bool { return e.Relation == f.Subject })
	if at < 0 || f.Code != string(check.MigrationBlocked) && f.Code != string(check.MigrationRewrote) {
		return f
	}
	e := estimates[at]
	f.Would += fmt.Sprintf("; with production's size about %s (%s)", understudy.Span(e.Low, e.High), e.Basis)
	f.Seen += fmt.Sprintf("; %s; %s on the twin", e.sizes(), e.Rate())
	return f
}

// outgrown finds the tables on which others waited for no longer than they may, and would
// wait for longer in production. An estimate that is beyond the budget at its low end blocks
// the release; one that is so at its high end only warns.
func outgrown(seen understudy.Observation, estimates []Estimate, budget Budget) []understudy.Finding {
	var findings []understudy.Finding
	for _, e := range estimates {
		var worst understudy.ObservedWait
		for _, w := range seen.Waits {
			if w.Relation == e.Relation && w.For > worst.For {
				worst = w
			}
		}
		low, high := e.grown(worst.For)
		if worst.For == 0 || worst.For > budget.BlockedFor || high <= budget.BlockedFor {
			continue
		}
		f := check.Find(check.MigrationGrows, e.Relation, fmt.Sprintf("%s waited %s for %s behind: %s; %s; %s on the twin",
			worst.Who, rounded(worst.For), worst.Wanted, worst.By, e.sizes(), e.Rate()), check.Facts{
			"blocked": understudy.Span(low, high), "budget": budget.BlockedFor, "basis": e.Basis, "remedy": newScene(seen, budget).remedyFor(worst.By, e.Relation),
		})
		if low <= budget.BlockedFor {
			f.Severity = understudy.SeverityWarning
		}
		f.Hurt = high.Seconds()
		findings = append(findings, f)
	}
	return findings
}

// grown is what a time that went by during the work on the relation becomes in production.
func (e Estimate) grown(d time.Duration) (low, high time.Duration) {
	measured := float64(max(e.Measured, 1))
	return times(d, float64(e.Low)/measured), times(d, float64(e.High)/measured)
}

// outlasts finds a command that ran through on the twin, and may be ended at its deadline in
// production.
func outlasts(ran Ran, budget Budget) []understudy.Finding {
	e := Expect(ran, budget)
	if !ran.OK() || budget.Timeout <= 0 || e.High <= budget.Timeout {
		return nil
	}
	f := check.Find(check.MigrationOutlasts, "", fmt.Sprintf("%s on the twin; %s", rounded(e.Runs[0]), e.Basis), check.Facts{
		"expected": understudy.Span(e.Low, e.High), "limit": budget.Timeout,
	})
	if e.Low <= budget.Timeout {
		f.Severity = understudy.SeverityWarning
	}
	return []understudy.Finding{f}
}
