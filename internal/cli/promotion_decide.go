package cli

import (
	"context"

	"github.com/spf13/cobra"

	"understudy"
	"understudy/internal/api"
)

func (c *cli) promotionSettle() *cobra.Command {
	var reason string
	cmd := c.command(page{
		use: "settle ID --reason R", short: "end a bake that waits for what may never come", args: takes(1, 1),
		long: "Ends the bake of a promotion that cannot be judged, as nobody comes or a metric cannot be\n" +
			"measured. It is looked at once more: what is seen to be worse goes back all the same. The reason\n" +
			"stands in the journal, with the name of who gave it.",
		example: "understudy promotion settle p-19c2 --reason 'tried by hand, nobody comes at night'",
		exits:   "0 settled, 1 error or gone back, 2 wrong usage",
	}, func(ctx context.Context, args []string) error {
		if reason == "" {
			return understudy.Errorf(understudy.KindInvalid, "a promotion is settled for a reason, and none was given").WithHint("say why with --reason")
		}
		return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
			p, err := roles.Decisions.SettlePromotion(ctx, api.Decide{Promotion: args[0], By: who(), Reason: reason})
			if err != nil {
				return err
			}
			last, err := c.followPromotion(ctx, roles.Promotions, p.ID, len(p.Events))
			if err != nil {
				return err
			}
			if err := show(c, last, c.showPromoted); err != nil {
				return err
			}
			return promoted(last)
		})
	})
	cmd.Flags().StringVar(&reason, "reason", "", "why it may settle, for the journal")
	return cmd
}

func (c *cli) promotionContract() *cobra.Command {
	var yes bool
	var reason string
	cmd := c.command(page{
		use: "contract ID [--yes] [--reason R]", short: "take away what only the old release needs", args: takes(1, 1),
		long: "Runs the contract migration of a promotion that has settled, as it was rehearsed and under the\n" +
			"same guard. From its first moment on there is no way back: the old release, kept warm until then,\n" +
			"is stopped.",
		example: "understudy promotion contract p-19c2\nunderstudy promotion contract p-19c2 --yes --reason 'a week without complaints'",
		exits:   "0 done, 1 error or not run through, 2 wrong usage, 3 refused",
	}, func(ctx context.Context, args []string) error {
		if !yes && !c.canAsk() {
			return notAsked("promotion contract")
		}
		return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
			if !yes {
				if err := c.confirm(ctx, "take away what only the old release needs? There is no way back after it."); err != nil {
					return err
				}
			}
			p, err := roles.Decisions.ContractPromotion(ctx, api.Decide{Promotion: args[0], By: who(), Reason: reason})
			if err != nil {
				return err
			}
			last, err := c.followPromotion(ctx, roles.Promotions, p.ID, len(p.Events))
			if err != nil {
				return err
			}
			if err := show(c, last, c.showPromoted); err != nil {
				return err
			}
			if last.State != understudy.PromotionContracted {
				return understudy.Errorf(understudy.KindFailed, "%s was not contracted%s", last.To, after(": ", contractSaid(last)))
			}
			return nil
		})
	})
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the journal")
	return cmd
}

func contractSaid(p understudy.Promotion) string {
	if p.Contract == nil {
		return ""
	}
	return p.Contract.Said
}
