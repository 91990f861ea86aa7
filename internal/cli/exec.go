package cli

import (
	"context"
	"math"

	"github.com/spf13/cobra"

	"understudy/internal/api"
)

func (c *cli) execCommand() *cobra.Command {
	var service string
	cmd := c.command(page{
		use: "exec ENV [--service S] -- CMD…", short: "run a command inside an environment", args: takes(2, math.MaxInt),
		long: "Runs a command where a service runs: in its release's files, with its configuration and, in a\n" +
			"twin, inside the seal. What it reads and writes passes through.",
		example: "understudy exec staging -- bin/shop accounts --count\nunderstudy exec staging --service worker -- env < /dev/null",
		exits:   "that of the command; 1 or 2 where it could not be run",
	}, func(ctx context.Context, args []string) error {
		request := api.Exec{Environment: args[0], Service: service, Command: args[1:]}
		return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
			status, err := roles.Environments.Exec(ctx, request, c.streams.In, c.voice.out, c.voice.err)
			if err == nil && status != 0 {
				return ended(status)
			}
			return err
		})
	})
	cmd.Flags().StringVar(&service, "service", "", "whose configuration it gets (default the first service's)")
	return cmd
}
