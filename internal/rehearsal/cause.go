package rehearsal

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"understudy"
	"understudy/internal/check"
)

// window is a stretch of time.
type window struct{ from, until time.Time }

// explained adds to findings of failed requests what the database itself said meanwhile and
// had not said while nothing was changed, and the way out that fits. It returns what the
// database said, also where no request failed of it.
func (p *play) explained(ctx context.Context, findings []understudy.Finding, w window) (said string, err error) {
	if p.audience == nil { // nobody asked anything
		return "", nil
	}
	now, err := p.Witness.Errors(ctx, Work, w.from, w.until)
	if err != nil {
		return "", err
	}
	before, err := p.Witness.Errors(ctx, Work, p.quietly.from, p.quietly.until)
	if err != nil {
		return "", err
	}
	fresh := newErrors(before, now)
	said = errorsSaid(fresh)
	for i := range findings {
		if said != "" {
			findings[i].Seen += ". The database said: " + said
		}
		if way := wayOut(fresh); way != "" {
			findings[i].Remedy = way
		}
	}
	return said, nil
}

// newErrors are those of which none of the same kind was there before.
func newErrors(before, now []understudy.ObservedError) []understudy.ObservedError {
	kind := func(e understudy.ObservedError) string { return e.Code + " " + e.Message }
	had := map[string]bool{}
	for _, e := range before {
		had[kind(e)] = true
	}
	at := map[string]int{}
	var fresh []understudy.ObservedError
	for _, e := range now {
		i, known := at[kind(e)]
		switch {
		case had[kind(e)]:
		case known:
			fresh[i].Times += e.Times
		default:
			at[kind(e)] = len(fresh)
			fresh = append(fresh, e)
		}
	}
	slices.SortStableFunc(fresh, func(a, b understudy.ObservedError) int { return b.Times - a.Times })
	return fresh
}

// errorsSaid is the commonest errors, as the server worded them.
func errorsSaid(all []understudy.ObservedError) string {
	var texts []string
	for _, e := range all[:min(len(all), 3)] {
		times := "once"
		if e.Times > 1 {
			times = fmt.Sprintf("%d times", e.Times)
		}
		if e.Code != "" {
			times += ", SQLSTATE " + e.Code
		}
		texts = append(texts, fmt.Sprintf("%s (%s)", e.Message, times))
	}
	if more := len(all) - len(texts); more > 0 {
		texts = append(texts, fmt.Sprintf("and %d other errors", more))
	}
	return strings.Join(texts, "; ")
}

// wayOut is the remedy for the first cause that is known, by its code or, where the server
// logs none, by its words.
func wayOut(all []understudy.ObservedError) string {
	for _, e := range all {
		for _, known := range []struct {
			codes, words []string
			remedy       string
		}{
			{nil, []string{"cached plan must not change"}, "name the columns that a query reads instead of *, and change no type under a release whose connections are open: bring out first a release that prepares its statements anew (or reconnects) when it meets this error"},
			{[]string{"42703", "42P01", "42883", "3F000"}, []string{"does not exist"}, "expand, then contract: leave what the old release uses until it is gone, add the new beside it, and take the old away in a later release"},
			{[]string{"23502"}, []string{"not-null constraint", "doesn't have a default value", "NOT NULL constraint"}, "give the column a DEFAULT in the database, as the old release does not fill it; NOT NULL without one waits until the old release is gone"},
			{[]string{"23505", "23514", "23503", "23P01"}, []string{"unique constraint", "check constraint", "foreign key constraint", "exclusion constraint"}, "bring out the code that keeps to the rule first; add the rule NOT VALID after it, and validate it when the old release is gone"},
			{[]string{"42501"}, []string{"permission denied"}, "grant the application's role what it needs on what the migration made anew"},
			{[]string{"22001", "22003", "42804", "22P02"}, []string{"value too long", "out of range", "is of type"}, "let the new form be a column of its own, written by both releases, and switch over when the old release is gone"},
		} {
			byWords := slices.ContainsFunc(known.words, func(w string) bool { return strings.Contains(e.Message, w) })
			if byWords || slices.Contains(known.codes, e.Code) {
				return known.remedy
			}
		}
	}
	return ""
}

// crashed makes a finding of services of the old release that did not live through the
// migration: they were started again, and their connections with them.
func (p *play) crashed(ctx context.Context) ([]understudy.Finding, error) {
	now, err := p.Door.Bits(ctx, Baseline)
	if err != nil {
		return nil, err
	}
	names := restarted(p.processes, now)
	if len(names) == 0 {
		return nil, nil
	}
	f := check.Find(check.CompatibilityBroken, strings.Join(names, ", "), "its process ended since the migration began, and was started anew",
		check.Facts{"classes": "whatever is lost when " + strings.Join(names, " and ") + " ends"})
	return []understudy.Finding{f}, nil
}
