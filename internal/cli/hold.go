package cli

import (
	"context"

	"github.com/spf13/cobra"

	"understudy"
	"understudy/internal/api"
)

func (c *cli) holdCommand() *cobra.Command {
	return c.group("hold", "lift what follows a rollback",
		"After a rollback nothing is promoted to the environment until a person has looked at what\n"+
			"happened, and says so.",
		c.holdLift())
}

func (c *cli) holdLift() *cobra.Command {
	var reason string
	cmd := c.command(page{
		use: "lift ENV --reason R", short: "let promotions to an environment happen again", args: takes(1, 1),
		long:    "Lets promotions to an environment happen again after a rollback. The reason stands in the\njournal, with the name of who gave it.",
		example: "understudy hold lift production --reason 'the index was missing; v4 has it'",
	}, func(ctx context.Context, args []string) error {
		if reason == "" {
			return understudy.Errorf(understudy.KindInvalid, "a hold is lifted for a reason, and none was given").WithHint("say why with --reason")
		}
		return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
			if err := roles.Holds.LiftHold(ctx, args[0], who(), reason); err != nil {
				return err
			}
			c.voice.say("the hold on %s is lifted", args[0])
			return nil
		})
	})
	cmd.Flags().StringVar(&reason, "reason", "", "why promotions may happen again")
	return cmd
}
