package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"understudy"
	"understudy/internal/api"
)

func (c *cli) notificationsCommand() *cobra.Command {
	cmd := c.command(page{
		use: "notifications", short: "say who is told what, and whether it arrived", args: takes(0, 0),
		long: "Shows the channels of notify: in understudy.yaml and every notification that waits, was given up,\n" +
			"or was delivered in the last two weeks. One that fails is tried again for a day, after longer and\n" +
			"longer pauses, and then given up; that stands in understudy status and in the log too.",
		example: "understudy notifications\nunderstudy notifications test chat",
	}, c.listNotifications)
	cmd.AddCommand(c.notificationsList(), c.notificationsTest(), c.notificationsRetry())
	return cmd
}

func (c *cli) notificationsList() *cobra.Command {
	return c.command(page{
		use: "list", short: "list channels and notifications", args: takes(0, 0),
		long:    "Lists the channels, and below them the notifications, oldest first. With --json every attempt.",
		example: "understudy notifications list --json | jq '.notifications[] | select(.state==\"given-up\").id'",
	}, c.listNotifications)
}

func (c *cli) listNotifications(ctx context.Context, _ []string) error {
	return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
		told, err := roles.Notifications.Notifications(ctx)
		if err != nil {
			return err
		}
		return show(c, told, c.showTold)
	})
}

func (c *cli) showTold(told api.Told) {
	var rows [][]string
	for _, channel := range told.Channels {
		events := strings.Join(channel.Events, ",")
		if len(channel.Events) == len(understudy.Events()) {
			events = "all"
		}
		rows = append(rows, []string{channel.Name, channel.Kind, events, number(int64(channel.Waiting)), number(int64(channel.Delivered)), number(int64(channel.GivenUp)), channel.Failed})
	}
	c.voice.table("CHANNEL KIND EVENTS WAITING DELIVERED GIVEN-UP FAILED", rows, "nobody is told anything: there is no notify: in understudy.yaml")
	rows = nil
	for _, n := range told.Notifications {
		next := moment(n.NextAt)
		if n.State != understudy.NotificationWaiting {
			next = moment(n.EndedAt)
		}
		rows = append(rows, []string{n.ID, n.Channel, n.Message.Event, string(n.State), fmt.Sprint(len(n.Attempts)), next, n.Failed()})
	}
	if len(rows) > 0 {
		c.voice.print("")
		c.voice.table("ID CHANNEL EVENT STATE ATTEMPTS NEXT-OR-ENDED WHY", rows, "")
	}
}

func (c *cli) notificationsTest() *cobra.Command {
	return c.command(page{
		use: "test CHANNEL", short: "try a channel", args: takes(1, 1),
		long:    "Sends a message that says that it is a test, once, and says whether it arrived.",
		example: "understudy notifications test chat",
	}, func(ctx context.Context, args []string) error {
		return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
			if err := roles.Notifications.TestNotification(ctx, api.TestNotification{Channel: args[0], By: who()}); err != nil {
				return err
			}
			c.voice.say("channel %s took the message", args[0])
			return nil
		})
	})
}

func (c *cli) notificationsRetry() *cobra.Command {
	return c.command(page{
		use: "retry ID", short: "try a notification again, now and for another day", args: takes(1, 1),
		long:    "Tries a notification that waits or was given up again at once, and for another day after that.",
		example: "understudy notifications retry 812-chat",
	}, func(ctx context.Context, args []string) error {
		return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
			n, err := roles.Notifications.RetryNotification(ctx, api.RetryNotification{ID: args[0], By: who()})
			if err != nil {
				return err
			}
			return show(c, n, func(n understudy.Notification) { c.voice.print("%s is tried again", n.ID) })
		})
	})
}
