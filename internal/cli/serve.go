package cli

import (
	"context"

	"github.com/spf13/cobra"

	"understudy"
)

func (c *cli) serveCommand() *cobra.Command {
	return c.command(page{
		use: "serve", short: "run the daemon in the foreground", args: takes(0, 0),
		long: "Runs the daemon that the other commands speak to, until it is interrupted or stopped.\n" +
			"They start one by themselves; environments go on when it ends.",
		example: "understudy serve",
	}, func(ctx context.Context, _ []string) error {
		at, err := c.place()
		if err != nil {
			return err
		}
		if err := at.state.Make(); err != nil {
			return err
		}
		return c.programs.Serve(ctx, at.project, at.state, c.streams.Err)
	})
}

// The programs below are started by the daemon or by another command, and by people only where
// no systemd starts the router.

func (c *cli) superviseCommand() *cobra.Command {
	return c.hidden("supervise", func(ctx context.Context) error { return c.programs.Supervise(ctx, c.streams.In) })
}

func (c *cli) tidyCommand() *cobra.Command {
	return c.hidden("tidy", func(ctx context.Context) error { return c.programs.Tidy(ctx, c.streams.In) })
}

func (c *cli) probeCommand() *cobra.Command {
	return c.hidden("probe", func(ctx context.Context) error { return c.programs.Probe(ctx, c.voice.out) })
}

func (c *cli) routerCommand() *cobra.Command {
	var state, control string
	cmd := c.hidden("router", func(ctx context.Context) error {
		if state == "" || control == "" {
			return understudy.Errorf(understudy.KindInvalid, "router needs --state and --control")
		}
		return c.programs.Router(ctx, state, control, c.streams.Err)
	})
	cmd.Long = "Runs every front door, until it gets SIGTERM: requests under way may end then. The daemon starts it, or the service\n" +
		"that understudy install makes. What it serves stands in its folder, and it serves that again after a restart;\n" +
		"one router has one folder. By the control socket it is told more, and gives its state and metrics:\n" +
		"curl --unix-socket .understudy/run/router.sock http://router/metrics"
	cmd.Example = "  understudy router --state /srv/shop/.understudy/router --control /srv/shop/.understudy/run/router.sock"
	cmd.Flags().StringVar(&state, "state", "", "folder of the router's state")
	cmd.Flags().StringVar(&control, "control", "", "socket on which it takes commands")
	return cmd
}

// hidden is a program that treats signals itself.
func (c *cli) hidden(use string, run func(ctx context.Context) error) *cobra.Command {
	return &cobra.Command{Use: use, Hidden: true, Args: takes(0, 0), RunE: func(cmd *cobra.Command, _ []string) error {
		c.began = true
		return run(cmd.Context())
	}}
}
