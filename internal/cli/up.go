package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"understudy"
	"understudy/internal/api"
)

func (c *cli) upCommand() *cobra.Command {
	var release string
	cmd := c.command(page{
		use: "up ENV [--release R]", short: "bring an environment up", args: takes(1, 1),
		long: "Starts an environment's databases and services, and opens its front door. Production gets\n" +
			"its first release this way; later ones are promoted.",
		example: "understudy up production --release v1\nunderstudy up staging",
	}, func(ctx context.Context, args []string) error {
		return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
			status, err := roles.Environments.Up(ctx, api.Up{Environment: args[0], Release: release, By: who()}, c.tell)
			if err != nil {
				return brokenOff(err, "bringing "+args[0]+" up", "understudy up "+args[0])
			}
			return show(c, status, func(s api.EnvironmentStatus) { c.showStatus([]api.EnvironmentStatus{s}) })
		})
	})
	cmd.Flags().StringVar(&release, "release", "", "release to run (default what it ran last)")
	return cmd
}

// brokenOff is what an interrupt says of an act that ends with the command that asked for it.
func brokenOff(err error, act, again string) error {
	if !errors.Is(err, context.Canceled) {
		return err
	}
	return understudy.Errorf(understudy.KindUnavailable, "interrupted; %s was ended on its way", act).
		WithHint("see how it stands: understudy status\nbegin it again: %s", again)
}

// tell narrates the progress of a long act.
func (c *cli) tell(text string) { c.voice.say("%s %s", c.now().Local().Format("15:04:05"), text) }

func (c *cli) downCommand() *cobra.Command {
	var all bool
	cmd := c.command(page{
		use: "down ENV | --all", short: "stop an environment; its data stays", args: takes(0, 1),
		long: "Stops an environment's services and databases; data, releases and verdicts stay. With --all\n" +
			"everything ends: all environments, the router and the daemon.",
		example: "understudy down staging\nunderstudy down --all",
	}, func(ctx context.Context, args []string) error {
		switch {
		case all && len(args) > 0, !all && len(args) == 0:
			return understudy.Errorf(understudy.KindInvalid, "down needs an environment or --all, and not both").
				WithHint("see: understudy down --help")
		case all:
			return c.downAll(ctx)
		}
		return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
			if err := roles.Environments.Down(ctx, api.Down{Environment: args[0], By: who()}, c.tell); err != nil {
				return brokenOff(err, "taking "+args[0]+" down", "understudy down "+args[0])
			}
			c.voice.say("%s is down; its data is kept", args[0])
			return nil
		})
	})
	cmd.Flags().BoolVar(&all, "all", false, "all environments, the router and the daemon")
	return cmd
}
