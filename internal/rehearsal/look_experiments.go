package rehearsal

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"understudy"
	"understudy/internal/check"
)

// experiment is one way to try a migration that has run through.
type experiment struct {
	name string
	run  func(ctx context.Context, trial Trial) (Tried, error)
}

// experiments tries the migration in ways that production would not forgive: behind a long
// transaction, killed on its way, twice at once. They are made on the side copy, so that
// the work copy stays as it is, and left out where there is nothing to be tried.
func (p *play) experiments(ctx context.Context, c *understudy.Check, first Migrated, rate Rate) error {
	after, err := p.Ledger.Schema(ctx, Work)
	if err != nil {
		return err
	}
	if why, err := p.untried(ctx, c, first.Seen, after); err != nil || why != "" {
		c.Summary += "; " + why + ", so it was not tried behind a long transaction, killed on its way or started twice"
		return err
	}
	trial := Trial{First: first, Before: p.schema, After: after, Rate: rate}
	for _, e := range []experiment{
		{"behind a long transaction", p.Migrator.Queue},
		{"killed on its way", p.Migrator.Interrupt},
		{"started twice at once", p.Migrator.Together},
	} {
		tried, err := e.run(ctx, trial)
		c.Findings = append(c.Findings, tried.Findings...)
		c.Figures = append(c.Figures, tried.Figures...)
		c.Evidence = append(c.Evidence, tried.Evidence...)
		if err != nil {
			return fmt.Errorf("the migration, %s: %w", e.name, err)
		}
		if tried.Summary != "" {
			c.Summary += "; " + tried.Summary
		}
	}
	return nil
}

// untried is why the migration is not tried, as it changed nothing; empty: it did. Where the
// schema is as it was, and nobody saw exactly what it wrote, data is compared, on a copy that
// nobody else writes to.
func (p *play) untried(ctx context.Context, c *understudy.Check, seen understudy.Observation, after json.RawMessage) (string, error) {
	const nothing = "it changed nothing"
	changes, _, err := p.Ledger.CompareSchemas(p.schema, after)
	switch {
	case err != nil || len(changes) > 0:
		return "", err
	case !slices.ContainsFunc(seen.Everywhere(), func(there understudy.Observation) bool { return !there.Exact.Writes }):
		if slices.ContainsFunc(seen.Everywhere(), wrote) {
			return "", nil
		}
		return nothing, nil
	}
	if err := p.Ledger.Clone(ctx, Side); err != nil {
		return "", err
	}
	before, err := p.Ledger.Data(ctx, Side)
	if err != nil {
		return "", err
	}
	alone, err := p.Migrator.Up(ctx, Side)
	if err != nil {
		return "", err
	}
	if !alone.OK {
		c.Findings, c.Evidence = append(c.Findings, unsteady(alone)), append(c.Evidence, alone.Evidence...)
		return "it did not run through on a copy of its own", nil
	}
	data, err := p.Ledger.Data(ctx, Side)
	if err != nil {
		return "", err
	}
	if losses, err := p.Ledger.CompareData(before, data); err != nil || len(losses) > 0 {
		return "", err
	}
	return nothing, nil
}

// unsteady is found where the migration ran through under traffic, and not without.
func unsteady(alone Migrated) understudy.Finding {
	return check.Find(check.MigrationUnsteady, "", "on a fresh copy, with nobody else there: "+alone.Said, nil)
}

// wrote tells whether the migration wrote rows of a database.
func wrote(seen understudy.Observation) bool {
	return slices.ContainsFunc(seen.Tables, func(t understudy.TableChange) bool {
		return t.Inserted+t.Updated+t.Deleted > 0 || t.Emptied || t.Rewritten
	})
}

// rate is what requests are counted by: production's own rate where its front door knows
// one, else that of the declared traffic.
func (p *play) rate(ctx context.Context, heard Heard) (Rate, error) {
	own, err := p.Witness.Rate(ctx)
	if err != nil || own.PerSecond > 0 {
		return own, err
	}
	return Rate{PerSecond: heard.Rate, Of: "the declared traffic"}, nil
}

// at says how many requests a share of those heard comes to at a rate.
func (r Rate) at(requests int, heard Heard) string {
	if r.PerSecond == 0 || heard.Rate == 0 {
		return ""
	}
	return fmt.Sprintf("about %.0f at the rate of %s, %.3g a second", float64(requests)*r.PerSecond/heard.Rate, r.Of, r.PerSecond)
}

// counted says of findings of who was blocked how many requests that may concern.
func (r Rate) counted(findings []understudy.Finding) []understudy.Finding {
	out := slices.Clone(findings)
	for i, f := range out {
		if f.Code == string(check.MigrationBlocked) && r.PerSecond > 0 && f.Hurt > 0 { // which is in seconds
			out[i].Would = joined(f.Would, fmt.Sprintf("at the rate of %s, %.3g requests a second, up to %.0f come in that time", r.Of, r.PerSecond, r.PerSecond*f.Hurt))
		}
	}
	return out
}

// failing says how many requests a second would fail at a rate, as those heard did.
func (r Rate) failing(heard Heard) string {
	if r.PerSecond == 0 || heard.Requests == 0 || heard.Failed == 0 {
		return ""
	}
	return fmt.Sprintf("at the rate of %s that is about %.3g of %.3g requests a second", r.Of, r.PerSecond*float64(heard.Failed)/float64(heard.Requests), r.PerSecond)
}

// restarted names the services of a part whose process is not the one that was there.
func restarted(before, now []Bit) []string {
	was := map[string]string{}
	for _, b := range before {
		was[b.Service] = b.Process
	}
	var out []string
	for _, b := range now {
		if was[b.Service] != b.Process {
			out = append(out, b.Service)
		}
	}
	return out
}

func joined(texts ...string) string {
	var kept []string
	for _, t := range texts {
		if t != "" {
			kept = append(kept, t)
		}
	}
	return strings.Join(kept, "; ")
}
