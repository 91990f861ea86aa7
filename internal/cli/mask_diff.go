package cli

import (
	"context"

	"github.com/spf13/cobra"

	"understudy"
	"understudy/internal/api"
)

func (c *cli) maskDiff() *cobra.Command {
	var by alone
	var cmd *cobra.Command
	cmd = c.command(page{
		use: "diff [ENV | --database URL [--mask FILE]]", short: "show what the schema asks of the rules", args: takes(0, 1),
		long: "Compares an environment's columns (default production's) with mask.yaml: columns that are new or\n" +
			"of another type than their rule was made for, which stop a copy; columns that look like something\n" +
			"else than what their rule was made for; and rules for columns that are gone.",
		example: "understudy mask diff\nunderstudy mask diff --database postgres://reader@db/shop --mask mask.yaml",
		exits:   "0 nothing, 1 error, 2 wrong usage, 3 something",
	}, func(ctx context.Context, args []string) error {
		if err := by.check(cmd, args); err != nil {
			return err
		}
		if by.database != "" {
			diff, err := c.programs.MaskDiff(ctx, by.database, by.rules)
			if err != nil {
				return err
			}
			return c.endDiff(diff)
		}
		return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
			diff, err := roles.Twins.MaskDiff(ctx, environmentOf(args))
			if err != nil {
				return err
			}
			return c.endDiff(diff)
		})
	})
	by.flags(cmd)
	return cmd
}

// endDiff shows a comparison; one that found something ends with a status of its own.
func (c *cli) endDiff(diff api.MaskDiff) error {
	if err := show(c, diff, c.showDiff); err != nil || len(diff.Changes) == 0 {
		return err
	}
	return ended(understudy.ExitRefused)
}

func (c *cli) showDiff(diff api.MaskDiff) {
	if len(diff.Changes) == 0 {
		c.voice.print("%s rules every column as it is", diff.File)
		return
	}
	var rows [][]string
	stopping := 0
	for _, change := range diff.Changes {
		if change.Stops {
			stopping++
		}
		proposed := change.Proposed
		if change.Undecided {
			proposed = "#? " + proposed
		}
		rows = append(rows, []string{change.Kind, change.Column, change.Was, change.Type, change.Rule, proposed, because(change)})
	}
	c.voice.table("KIND COLUMN WAS TYPE RULE PROPOSED BECAUSE", rows, "")
	if stopping > 0 {
		c.voice.say("%d of these stop a copy; `understudy mask plan` writes what is proposed, and leaves #? to you", stopping)
	}
}

func because(change api.MaskChange) string {
	if change.Class == "" {
		return "no such column"
	}
	return change.Class + ": " + change.Reason
}
