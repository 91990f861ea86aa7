package cli

import (
	"context"
	"errors"
	"os"

	"github.com/spf13/cobra"

	"understudy/internal/api"
	"understudy/internal/api/client"
)

func (c *cli) stopCommand() *cobra.Command {
	return c.command(page{
		use: "stop", short: "end the daemon; environments go on", args: takes(0, 0),
		long: "Asks the daemon to end and waits until it has. Environments and the router go on; what was\n" +
			"under way goes on when the daemon is started again, which the next command does.",
		example: "understudy stop",
	}, func(ctx context.Context, _ []string) error {
		at, err := c.place()
		if err != nil {
			return err
		}
		if !answers(ctx, at.state.Socket()) {
			c.voice.say("no daemon runs for %s", at.project)
			return nil
		}
		daemon := client.New(at.state.Socket())
		defer daemon.Close()
		return c.stopDaemon(ctx, at, daemon)
	})
}

func (c *cli) stopDaemon(ctx context.Context, at place, daemon api.Control) error {
	if err := daemon.Shutdown(ctx); err != nil {
		return err
	}
	if err := c.gone(ctx, at); err != nil {
		return err
	}
	c.voice.say("the daemon has ended")
	return nil
}

// downAll ends everything. What runs without a daemon needs one to end it.
func (c *cli) downAll(ctx context.Context) error {
	at, err := c.place()
	if err != nil {
		return err
	}
	if _, err := os.Stat(at.state.Root); errors.Is(err, os.ErrNotExist) {
		c.voice.say("nothing is up: there is no %s", at.state.Root)
		return nil
	}
	return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
		if err := roles.Environments.Down(ctx, api.Down{By: who()}, c.tell); err != nil {
			return err
		}
		return c.stopDaemon(ctx, at, roles.Control)
	})
}
