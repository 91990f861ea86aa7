package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"understudy/internal/api"
)

func (c *cli) logsCommand() *cobra.Command {
	var follow bool
	cmd := c.command(page{
		use: "logs ENV [SERVICE] [-f]", short: "print what services wrote", args: takes(1, 2),
		long: "Prints what an environment's services wrote, as they wrote it. With -f it goes on until it\n" +
			"is interrupted.",
		example: "understudy logs production\nunderstudy logs staging web -f",
	}, func(ctx context.Context, args []string) error {
		request := api.Logs{Environment: args[0], Follow: follow}
		if len(args) > 1 {
			request.Service = args[1]
		}
		return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
			err := roles.Environments.Logs(ctx, request, c.voice.out)
			if follow && errors.Is(err, context.Canceled) {
				return nil // how following ends
			}
			return err
		})
	})
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on with what is written from now on")
	return cmd
}
