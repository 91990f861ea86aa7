package cli

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"understudy"
	"understudy/internal/api"
)

func (c *cli) approveCommand() *cobra.Command {
	var request api.Approve
	var withdraw bool
	cmd := c.command(page{
		use: "approve RELEASE [--to production] [--reason R] [--withdraw]", short: "agree to a release, or no longer", args: takes(1, 1),
		long: "Signs that you agree to a release, on its verdict, the policy and production as they are now; when\n" +
			"one of them changes it counts no longer. Who you are is what the machine says; root can be anybody.",
		example: "understudy approve v2 --reason 'tried the checkout on staging'\nunderstudy approve v2 --withdraw",
		exits:   "0 approved or withdrawn, 1 error, 2 wrong usage, 3 it cannot be approved, or not by you",
	}, func(ctx context.Context, args []string) error {
		request.Release, request.By = args[0], who()
		return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
			if withdraw {
				return c.withdraw(ctx, roles, request)
			}
			return c.approve(ctx, roles, request)
		})
	})
	cmd.Flags().StringVar(&request.To, "to", "", "environment that it may go to (default production)")
	cmd.Flags().StringVar(&request.Reason, "reason", "", "why, for the journal")
	cmd.Flags().BoolVar(&withdraw, "withdraw", false, "take your approval back")
	return cmd
}

func (c *cli) approve(ctx context.Context, roles api.Roles, request api.Approve) error {
	given, err := roles.Approvals.Approve(ctx, request)
	if err != nil {
		return err
	}
	c.voice.say("%s approves %s for %s, by verdict %s", given.By, given.Label, given.To, given.Verdict)
	explained, err := roles.Policies.ExplainPolicy(ctx, api.Promote{Release: request.Release, To: request.To})
	if err != nil {
		return err
	}
	at := slices.IndexFunc(explained.Requirements, func(r understudy.Requirement) bool { return r.Name == understudy.RequireApprovals })
	if at < 0 {
		c.voice.say("the policy asks for no approvals: it is written down, and changes nothing")
	} else {
		c.voice.say("%s", explained.Requirements[at].Says)
	}
	return show(c, given, func(given understudy.SignedApproval) { c.voice.print("%s", given.ID) })
}

func (c *cli) withdraw(ctx context.Context, roles api.Roles, request api.Approve) error {
	given, err := roles.Approvals.WithdrawApproval(ctx, request)
	if err != nil {
		return err
	}
	c.voice.say("%s no longer approves %s for %s", given.By, given.Label, given.To)
	return show(c, given, func(given understudy.SignedApproval) { c.voice.print("%s", given.ID) })
}

// showApprovals says who agreed to a release, as was signed, and what became of that.
func (c *cli) showApprovals(all []understudy.SignedApproval) {
	for _, a := range all {
		c.voice.print("approval       %s for %s, by verdict %s, %s%s%s", a.By, a.To, a.Verdict, moment(a.At), after(": ", a.Reason), withdrawn(a))
	}
}

func withdrawn(a understudy.SignedApproval) string {
	if a.WithdrawnAt.IsZero() {
		return ""
	}
	return "; withdrawn " + moment(a.WithdrawnAt) + after(": ", a.WithdrawnFor)
}
