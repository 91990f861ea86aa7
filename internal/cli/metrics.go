package cli

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"understudy"
	"understudy/internal/api"
	"understudy/internal/atomicfile"
	"understudy/internal/dora"
)

func (c *cli) metricsCommand() *cobra.Command {
	var since, environment, svg string
	cmd := c.command(page{
		use: "metrics [--since 90d] [--environment production]", short: "print delivery metrics, computed from the journal", args: takes(0, 0),
		long: "Computes DORA's five figures from the journal alone, and Understudy's own:\n\n" +
			"  deployment frequency             promotions that got traffic\n" +
			"  change lead time                 from the commit until all of the traffic goes to it; where the\n" +
			"                                   release does not know its commit, from when it was created\n" +
			"  failed deployment recovery time  from the first traffic of what failed until the old release has\n" +
			"                                   all of it again, or a hotfix has\n" +
			"  change fail rate                 deployments that were rolled back, or after which within a day\n" +
			"                                   a hotfix was brought past the gate, or a person placed a hold\n" +
			"  deployment rework rate           hotfixes, and the first deployment after one that failed\n\n" +
			"Of fewer than 5 nothing is said. A release is caught when it failed its rehearsal and never got\n" +
			"traffic afterwards.",
		example: "understudy metrics\nunderstudy metrics --since 2026-01-01 --svg delivery.svg\nunderstudy metrics --json | jq .changeFailRate",
	}, func(ctx context.Context, _ []string) error {
		from, err := c.moment("--since", since)
		if err != nil {
			return err
		}
		return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
			m, err := roles.Journal.Metrics(ctx, api.Metrics{Environment: environment, Since: from})
			if err != nil {
				return err
			}
			if svg != "" {
				if err := c.drawMetrics(svg, m); err != nil {
					return err
				}
			}
			return show(c, m, c.showMetrics)
		})
	})
	cmd.Flags().StringVar(&since, "since", "90d", "a length of time (36h, 90d, 12w), or a day (2026-11-01)")
	cmd.Flags().StringVar(&environment, "environment", "", "the environment that is delivered to (default production)")
	cmd.Flags().StringVar(&svg, "svg", "", "a file to draw them to, by week")
	return cmd
}

func (c *cli) drawMetrics(file string, m understudy.Metrics) error {
	var lines []string
	for _, f := range measures(m) {
		lines = append(lines, f.name+": "+f.says)
	}
	var picture bytes.Buffer
	if err := dora.WriteSVG(&picture, m, lines); err != nil {
		return err
	}
	if err := atomicfile.Write(file, picture.Bytes(), 0o644); err != nil {
		return err
	}
	c.voice.say("drawn to %s", file)
	return nil
}

func (c *cli) showMetrics(m understudy.Metrics) {
	c.voice.print("%s, %s to %s, from %s entries of the journal", m.Environment, m.Since.Local().Format(time.DateOnly), m.Until.Local().Format(time.DateOnly), number(m.Entries))
	c.voice.print("")
	all := measures(m)
	for _, f := range all {
		c.voice.print("%-32s %s", f.name, strings.TrimSpace(f.says+"  "+f.trend))
	}
	for _, change := range m.Changes {
		if change.Failed != "" {
			c.voice.say("failed: %s on %s: %s", change.Release, moment(change.At), change.Failed)
		}
	}
	for _, note := range m.Notes {
		c.voice.say("note: %s", note)
	}
}

// measure is one line of metrics.
type measure struct{ name, says, trend string }

func measures(m understudy.Metrics) []measure {
	f, r := m.Frequency, m.Rehearsals
	deployed := fmt.Sprintf("%s in %d days, %.1f a week, on %d of the days", plural(f.Count, "deployment"), f.Days, f.PerWeek, f.OnDays)
	lead := quantiles(m.LeadTime.Spread, m.Least)
	if m.LeadTime.Count > 0 {
		lead += fmt.Sprintf(" (%d from the commit, %d from the release)", m.LeadTime.FromCommit, m.LeadTime.FromRelease)
	}
	out := []measure{
		{"deployment frequency", deployed, spark(m.Weeks, func(w understudy.Week) float64 { return float64(w.Deployed) })},
		{"change lead time", lead, spark(m.Weeks, func(w understudy.Week) float64 { return w.LeadTime.Hours() })},
		{"failed deployment recovery time", quantiles(m.Recovery, m.Least), ""},
		{"change fail rate", rate(m.FailRate, m.Least), spark(m.Weeks, func(w understudy.Week) float64 { return float64(w.Failed) })},
		{"deployment rework rate", rate(m.Rework, m.Least), spark(m.Weeks, func(w understudy.Week) float64 { return float64(w.Rework) })},
		{"rehearsals", rehearsed(r), spark(m.Weeks, func(w understudy.Week) float64 { return float64(w.Rehearsals) })},
		{"caught in rehearsal", fmt.Sprintf("%d of %s", r.Caught, plural(r.Releases, "release")), ""},
		{"time of a rehearsal", quantiles(r.Took, m.Least), ""},
		{"rollbacks", fmt.Sprintf("%d, of which %d by itself", m.Rollbacks.Count, m.Rollbacks.ByItself), ""},
		{"decision to answer", quantiles(m.Rollbacks.Answered, m.Least), ""},
	}
	if m.Refused > 0 {
		out = append(out, measure{"promotions refused", number(int64(m.Refused)), ""})
	}
	return out
}

func rehearsed(r understudy.RehearsalFigures) string {
	sum := 0
	var parts []string
	for _, state := range []understudy.RehearsalState{
		understudy.RehearsalPassed, understudy.RehearsalFailed, understudy.RehearsalInconclusive, understudy.RehearsalError, understudy.RehearsalCancelled,
	} {
		if n := r.Ended[state]; n > 0 {
			sum += n
			parts = append(parts, fmt.Sprintf("%d %s", n, state))
		}
	}
	if sum == 0 {
		return "none"
	}
	return fmt.Sprintf("%d: %s", sum, strings.Join(parts, ", "))
}

// quantiles say how a length of time is spread, where there are enough to say.
func quantiles(s understudy.Spread, least int) string {
	switch {
	case s.Count == 0:
		return "none"
	case !s.Enough:
		return fmt.Sprintf("too few to say: %d of at least %d; the longest %s", s.Count, least, long(s.Longest))
	}
	return fmt.Sprintf("median %s, p90 %s, longest %s, of %d", long(s.Median), long(s.P90), long(s.Longest), s.Count)
}

func rate(s understudy.Share, least int) string {
	if s.Of == 0 {
		return "none"
	}
	if !s.Enough {
		return fmt.Sprintf("too few to say: %d of %s, at least %d are needed", s.Count, plural(s.Of, "deployment"), least)
	}
	return fmt.Sprintf("%.1f %% (%d of %d)", 100*s.Rate, s.Count, s.Of)
}

// long is a length of time that may be days.
func long(d time.Duration) string {
	if d < 2*day {
		return took(d)
	}
	return fmt.Sprintf("%dd%02dh", int(d/day), int(d%day/time.Hour))
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return number(int64(n)) + " " + what + "s"
}

// spark draws a figure by week, a column each; a dot is none. Nothing to see is not drawn.
func spark(weeks []understudy.Week, of func(understudy.Week) float64) string {
	most := 0.0
	for _, w := range weeks {
		most = max(most, of(w))
	}
	if most == 0 || len(weeks) < 2 {
		return ""
	}
	columns := []rune("▁▂▃▄▅▆▇█")
	var out []rune
	for _, w := range weeks {
		if of(w) == 0 {
			out = append(out, '·')
			continue
		}
		out = append(out, columns[min(len(columns)-1, int(of(w)/most*float64(len(columns)-1)+0.5))])
	}
	return string(out)
}
