package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"understudy"
	"understudy/internal/api"
)

func (c *cli) twinCommand() *cobra.Command {
	return c.group("twin", "reset a twin, copy a database, see what a seal caught",
		"A twin is an environment built from another's release, configuration and data, sealed off from\n"+
			"the world. Its data is masked on the way.",
		c.twinReset(), c.twinProof(), c.twinCaptures(), c.twinCopy())
}

func (c *cli) twinReset() *cobra.Command {
	return c.command(page{
		use: "reset ENV", short: "make a twin anew from what it is a twin of", args: takes(1, 1),
		long: "Takes a fresh, consistent, masked copy of the data and starts the same release on it. A column\n" +
			"that has no rule, or none for its type, stops the copy: see understudy mask plan. A copy that\n" +
			"is kept current (copy: {follow: true}) catches up with production, and is taken as it is; after\n" +
			"understudy down ENV it is made anew.",
		example: "understudy twin reset staging",
		exits:   "0 done, 1 error, 2 wrong usage, 3 refused: data is not decided on",
	}, func(ctx context.Context, args []string) error {
		return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
			snapshot, err := roles.Twins.ResetTwin(ctx, api.ResetTwin{Environment: args[0], By: who()}, c.tell)
			if err != nil {
				return brokenOff(err, "making "+args[0]+" anew", "understudy twin reset "+args[0])
			}
			return show(c, snapshot, func(s understudy.Snapshot) {
				c.voice.print("%s is as %s was at %s: %s rows in %s, copied in %s", args[0], s.Of, moment(s.TakenAt),
					number(rows(s)), tables(s), took(s.Took))
				c.sayProven(s)
			})
		})
	})
}

func tables(s understudy.Snapshot) string {
	tables, masked := 0, 0
	for _, d := range s.Databases {
		tables += len(d.Tables)
		for _, t := range d.Tables {
			masked += len(t.Masked)
		}
	}
	return fmt.Sprintf("%d tables, %d columns masked", tables, masked)
}

func (c *cli) twinCaptures() *cobra.Command {
	var since time.Duration
	cmd := c.command(page{
		use: "captures ENV [--since DURATION]", short: "list what a twin tried to do outside", args: takes(1, 1),
		long: "Lists the mails, HTTP calls and names that a twin's programs tried to reach, and that its seal\n" +
			"caught. With --json bodies and headers too.",
		example: "understudy twin captures staging --since 10m",
	}, func(ctx context.Context, args []string) error {
		var from time.Time
		if since > 0 {
			from = c.now().Add(-since)
		}
		return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
			all, err := roles.Twins.Captures(ctx, args[0], from)
			if err != nil {
				return err
			}
			return show(c, all, c.showCaptures)
		})
	})
	cmd.Flags().DurationVar(&since, "since", 0, "only what was caught in this time, as 10m or 2h (default all)")
	return cmd
}

func (c *cli) showCaptures(all []api.Capture) {
	var rows [][]string
	for _, capture := range all {
		what := capture.Method + " " + capture.Path
		if capture.Kind == "smtp" {
			what = "to " + strings.Join(capture.To, ", ") + ": " + capture.Subject
		}
		rows = append(rows, []string{moment(capture.At), capture.Kind, capture.Integration, capture.Host, strings.TrimSpace(what)})
	}
	c.voice.table("AT KIND INTEGRATION HOST WHAT", rows, "the seal has caught nothing")
}
