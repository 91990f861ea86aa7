package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"understudy"
	"understudy/internal/api"
)

func (c *cli) policyCommand() *cobra.Command {
	return c.group("policy", "show what is asked of a promotion, and what is still missing",
		"The policy stands in understudy.yaml. It holds as it is written now; what it was at the rehearsal\n"+
			"is part of the verdict.",
		c.policyShow(), c.policyExplain())
}

func (c *cli) policyShow() *cobra.Command {
	return c.command(page{
		use: "show", short: "show the policy in force", args: takes(0, 0),
		long:    "Shows every line of the policy, what is left out in the file too, and the next freezes and\nwindows, by the clock of this machine.",
		example: "understudy policy show",
	}, func(ctx context.Context, _ []string) error {
		return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
			in, err := roles.Policies.Policy(ctx)
			if err != nil {
				return err
			}
			return show(c, in, c.showPolicy)
		})
	})
}

func (c *cli) showPolicy(in understudy.PolicyInForce) {
	for _, line := range in.Lines {
		c.voice.print("%-20s %s", line.Key, line.Value)
	}
	for _, side := range []struct {
		name string
		all  []understudy.Times
	}{{"frozen", in.Frozen}, {"open", in.Allowed}} {
		for _, t := range side.all {
			c.voice.print("%-20s %s to %s%s", side.name, weekday(t.From), weekday(t.Until), after(": ", t.Reason))
		}
	}
	c.voice.print("%-20s %s", "digest", in.Digest)
}

// weekday is a moment with its weekday, where people are.
func weekday(t time.Time) string { return t.Local().Format("Mon 2006-01-02 15:04 MST") }

func (c *cli) policyExplain() *cobra.Command {
	var request api.Promote
	cmd := c.command(page{
		use: "explain RELEASE [--to production]", short: "say what a release still needs", args: takes(1, 1),
		long: "Says of everything that the gate asks whether it is met and by what, what to do about the rest,\n" +
			"and when the release could go at the earliest; as if you promoted it now. It changes nothing.",
		example: "understudy policy explain v2\nunderstudy policy explain v2 --json | jq '.requirements[] | select(.met | not)'",
		exits:   "0 it was explained, whether it may go or not; 1 error, 2 wrong usage",
	}, func(ctx context.Context, args []string) error {
		request.Release, request.By = args[0], who()
		return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
			explained, err := roles.Policies.ExplainPolicy(ctx, request)
			if err != nil {
				return err
			}
			return show(c, explained, c.showStanding)
		})
	})
	cmd.Flags().StringVar(&request.To, "to", "", "environment that it would go to (default production)")
	return cmd
}

func (c *cli) showStanding(e understudy.Explanation) {
	may := "may not go to"
	if e.May {
		may = "may go to"
	}
	c.voice.print("%s %s %s%s", e.Label, may, e.To, after(", by verdict ", e.Verdict))
	for _, r := range e.Requirements {
		c.voice.print("%s %-10s %s", mark(r.Met), r.Name, r.Says)
		if r.Do != "" {
			c.voice.print("     %-10s %s", "", r.Do)
		}
	}
	for _, line := range e.Changed {
		c.voice.print("the policy has changed since the rehearsal: %s", line)
	}
	if len(e.Bounds) > 0 {
		c.voice.print("lane: %s", e.Lane)
	}
	for _, b := range e.Bounds {
		c.voice.print("%s %-10s %s", mark(b.Within), "radius", b.Says)
	}
	switch {
	case e.Earliest.IsZero():
	case e.May:
		c.voice.print("it may go until %s", weekday(e.Until))
	default:
		c.voice.print("it may go at the earliest on %s, until %s%s", weekday(e.Earliest), weekday(e.Until), after("; ", e.Note))
	}
}

func mark(good bool) string {
	if good {
		return "ok  "
	}
	return "no  "
}
