package cli

import (
	"context"

	"github.com/spf13/cobra"

	"understudy"
	"understudy/internal/api"
)

func (c *cli) rollbackCommand() *cobra.Command {
	var yes bool
	var reason string
	cmd := c.command(page{
		use: "rollback ENV [--yes] [--reason R]", short: "go back to the release that ran before", args: takes(1, 1),
		long: "Points the front door back at the release that an environment ran before, which is still warm.\n" +
			"Nothing is promoted there afterwards until somebody lifts the hold.",
		example: "understudy rollback production\nunderstudy rollback production --yes --reason 'checkout is slow'",
	}, func(ctx context.Context, args []string) error {
		if !yes && !c.canAsk() {
			return notAsked("rollback")
		}
		return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
			if !yes {
				if err := c.confirm(ctx, "take "+args[0]+" back to the release that it ran before?"); err != nil {
					return err
				}
			}
			p, err := roles.Promotions.Rollback(ctx, api.Rollback{Environment: args[0], By: who(), Reason: reason})
			if err != nil {
				return err
			}
			return c.followRollback(ctx, roles.Promotions, p)
		})
	})
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the journal")
	return cmd
}

func (c *cli) followRollback(ctx context.Context, promotions api.Promotions, p understudy.Promotion) error {
	last, err := c.followPromotion(ctx, promotions, p.ID, len(p.Events))
	if err != nil {
		return err
	}
	if last.State != understudy.PromotionRolledBack {
		return understudy.Errorf(understudy.KindConflict, "%s did not go back: promotion %s is %s%s", last.To, last.ID, last.State, after(", ", last.Reason))
	}
	return show(c, last, func(p understudy.Promotion) {
		c.voice.print("%s is back on %s", p.To, orNothing(p.OldLabel))
		c.voice.say("hint: promotions to %s wait until the hold is lifted: understudy hold lift %s --reason …", p.To, p.To)
	})
}
