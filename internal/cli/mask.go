package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"understudy/internal/api"
	"understudy/internal/atomicfile"
)

func (c *cli) maskCommand() *cobra.Command {
	return c.group("mask", "decide what is masked",
		"Personal data leaves production only masked, and a column that looks personal and has no rule\n"+
			"stops the copy. The rules are in mask.yaml.",
		c.maskPlan())
}

func (c *cli) maskPlan() *cobra.Command {
	var print bool
	cmd := c.command(page{
		use: "plan [ENV] [--print]", short: "propose rules for all columns, and write them", args: takes(0, 1),
		long: "Looks at an environment's columns (default production's) and writes mask.yaml: rules that are\n" +
			"there stay, clear cases get one, and what a person has to decide is listed and commented out.",
		example: "understudy mask plan\nunderstudy mask plan production --print",
	}, func(ctx context.Context, args []string) error {
		environment := ""
		if len(args) > 0 {
			environment = args[0]
		}
		return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
			plan, err := roles.Twins.MaskPlan(ctx, environment)
			if err != nil {
				return err
			}
			return c.keepPlan(plan, print)
		})
	})
	cmd.Flags().BoolVar(&print, "print", false, "print the rules instead of writing them")
	return cmd
}

func (c *cli) keepPlan(plan api.MaskPlan, print bool) error {
	if print && !c.json {
		_, err := c.voice.out.Write([]byte(plan.Text))
		return err
	}
	if plan.Undecided > 0 {
		c.voice.say("%d columns are for a person to decide; until then they stop a copy:", plan.Undecided)
		for _, line := range undecided(plan.Text) {
			c.voice.say("  %s", line)
		}
	}
	if !print {
		if err := atomicfile.Write(plan.File, []byte(plan.Text), 0o644); err != nil {
			return err
		}
	}
	return show(c, plan, func(p api.MaskPlan) {
		c.voice.print("wrote %s", p.File)
		if p.Undecided == 0 {
			c.voice.say("every column that looks personal has a rule: read them, as what looks like nothing is not found")
		}
	})
}

// undecided are the lines of a plan that a person has to decide on.
func undecided(text string) []string {
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		if rest, found := strings.CutPrefix(strings.TrimSpace(line), "#? "); found {
			lines = append(lines, rest)
		}
	}
	return lines
}
