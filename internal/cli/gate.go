package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"understudy"
	"understudy/internal/api"
)

func (c *cli) gateCommand() *cobra.Command {
	var to string
	cmd := c.command(page{
		use: "gate RELEASE [--to production]", short: "answer by exit status whether a release may go", args: takes(1, 1),
		long: "Holds a release against its verdict, the policy, and what the environment is now, and changes\n" +
			"nothing. It is silent but for the reasons of a refusal: the status is the answer.",
		example: "understudy gate v2 --to production && ./deploy.sh v2",
		exits:   "0 it may go, 1 error, 2 wrong usage, 3 it may not",
	}, func(ctx context.Context, args []string) error {
		return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
			plan, err := roles.Promotions.PlanPromotion(ctx, api.Promote{Release: args[0], To: to, By: who()})
			if err != nil {
				return err
			}
			if c.json {
				if err := c.voice.json(plan); err != nil {
					return err
				}
			}
			return refusal(plan)
		})
	})
	cmd.Flags().StringVar(&to, "to", "", "environment that it would go to (default production)")
	return cmd
}

// refusal is why a promotion may not happen; nil where it may.
func refusal(p understudy.Promotion) error {
	if len(p.Refusals) == 0 {
		return nil
	}
	return understudy.Errorf(understudy.KindRefused, "%s may not go to %s:\n%s", p.Label, p.To, "- "+strings.Join(p.Refusals, "\n- ")).
		WithHint("%s", strings.Join(p.Do, "\n"))
}
