package cli

import (
	"context"

	"github.com/spf13/cobra"

	"understudy"
	"understudy/internal/api"
)

func (c *cli) holdCommand() *cobra.Command {
	return c.group("hold", "keep promotions from an environment",
		"While an environment is held, nothing is promoted to it. A rollback places a hold, so that a\n"+
			"person looks at what happened before the next try; a person can place one too. What is under\n"+
			"way goes on, and can be taken back.",
		c.holdPlace(), c.holdLift())
}

func (c *cli) holdPlace() *cobra.Command {
	return c.holding("place", "keep promotions from an environment",
		"Keeps promotions that have not begun from an environment until the hold is lifted, those\nthat break the glass too.",
		"understudy hold place production --reason 'the payment provider is down'", "the hold on %s is placed",
		func(ctx context.Context, holds api.Holds, environment, reason string) error {
			return holds.PlaceHold(ctx, environment, who(), reason)
		})
}

func (c *cli) holdLift() *cobra.Command {
	return c.holding("lift", "let promotions to an environment happen again",
		"Lets promotions to an environment happen again.",
		"understudy hold lift production --reason 'the index was missing; v4 has it'", "the hold on %s is lifted",
		func(ctx context.Context, holds api.Holds, environment, reason string) error {
			return holds.LiftHold(ctx, environment, who(), reason)
		})
}

func (c *cli) holding(name, short, long, example, said string, act func(ctx context.Context, holds api.Holds, environment, reason string) error) *cobra.Command {
	var reason string
	cmd := c.command(page{
		use: name + " ENV --reason R", short: short, args: takes(1, 1),
		long: long + " The reason stands in the\njournal, with the name of who gave it.", example: example,
	}, func(ctx context.Context, args []string) error {
		if reason == "" {
			return understudy.Errorf(understudy.KindInvalid, "to %s a hold takes a reason, and none was given", name).WithHint("say why with --reason")
		}
		return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
			if err := act(ctx, roles.Holds, args[0], reason); err != nil {
				return err
			}
			c.voice.say(said, args[0])
			return nil
		})
	})
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the journal")
	return cmd
}
