package cli

import (
	"context"

	"github.com/spf13/cobra"

	"understudy"
	"understudy/internal/api"
)

func (c *cli) rollbackCommand() *cobra.Command {
	var yes, loseWrites bool
	var reason string
	cmd := c.command(page{
		use: "rollback ENV [--yes] [--reason R] [--lose-writes]", short: "go back to the release that ran before", args: takes(1, 1),
		long: "Points the front door back at the release that an environment ran before, which is still warm.\n" +
			"Nothing is promoted there afterwards until somebody lifts the hold.\n\n" +
			"The databases stay as they are. A release that declares migration.back: restore may leave no other way back than to\n" +
			"give them back as they were before its migration: --lose-writes does so, and what was written since is lost.\n" +
			"Without it such a rollback is refused, and the refusal says what would be lost.",
		example: "understudy rollback production\nunderstudy rollback production --yes --reason 'checkout is slow'\n" +
			"understudy rollback production --lose-writes --reason 'prices are wrong'",
	}, func(ctx context.Context, args []string) error {
		if !yes && !c.canAsk() {
			return notAsked("rollback")
		}
		return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
			if !yes {
				if err := c.confirm(ctx, backTo(args[0], loseWrites)); err != nil {
					return err
				}
			}
			p, err := roles.Promotions.Rollback(ctx, api.Rollback{Environment: args[0], By: who(), Reason: reason, LoseWrites: loseWrites})
			if err != nil {
				return err
			}
			return c.followRollback(ctx, roles.Promotions, p)
		})
	})
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the journal")
	cmd.Flags().BoolVar(&loseWrites, "lose-writes", false, "give the databases back as they were before the migration; what was written since is lost")
	return cmd
}

// backTo is the question.
func backTo(environment string, loseWrites bool) string {
	if loseWrites {
		return "take " + environment + " back to the release that it ran before, with its databases as they were then, and LOSE all that was written since?"
	}
	return "take " + environment + " back to the release that it ran before?"
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
