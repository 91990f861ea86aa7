package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"understudy"
	"understudy/internal/api"
	"understudy/internal/atomicfile"
)

func (c *cli) maskCommand() *cobra.Command {
	return c.group("mask", "decide what is masked",
		"Data leaves production only by rules: every column has one in mask.yaml, made for its type. A\n"+
			"column that is new or has changed stops the copy until somebody has decided on it.",
		c.maskPlan(), c.maskDiff())
}

// alone is a database that is looked at without a project.
type alone struct{ database, rules string }

func (a *alone) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&a.database, "database", "", "URL of a database to look at instead, without a project or a daemon")
	cmd.Flags().StringVar(&a.rules, "mask", "mask.yaml", "the file with the rules, with --database")
}

// check sees to it that one thing is asked for.
func (a *alone) check(cmd *cobra.Command, args []string) error {
	switch {
	case a.database != "" && len(args) > 0:
		return understudy.Errorf(understudy.KindInvalid, "expected an environment or --database, found both")
	case a.database == "" && cmd.Flags().Changed("mask"):
		return understudy.Errorf(understudy.KindInvalid, "--mask goes with --database").WithHint("a project names its rules in understudy.yaml, as mask:")
	}
	return nil
}

func (c *cli) maskPlan() *cobra.Command {
	var print bool
	var by alone
	var cmd *cobra.Command
	cmd = c.command(page{
		use: "plan [ENV | --database URL [--mask FILE]] [--print]", short: "propose rules for all columns, and write them", args: takes(0, 1),
		long: "Looks at an environment's columns (default production's) and writes mask.yaml, a line for every\n" +
			"column with its class and why: rules that are there stay, clear cases get one, and what a person\n" +
			"has to decide is listed and commented out.",
		example: "understudy mask plan\nunderstudy mask plan production --print\nunderstudy mask plan --database postgres://reader@db/shop --mask mask.yaml",
	}, func(ctx context.Context, args []string) error {
		if err := by.check(cmd, args); err != nil {
			return err
		}
		if by.database != "" {
			plan, err := c.programs.MaskPlan(ctx, by.database, by.rules)
			if err != nil {
				return err
			}
			return c.keepPlan(plan, print)
		}
		return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
			plan, err := roles.Twins.MaskPlan(ctx, environmentOf(args))
			if err != nil {
				return err
			}
			return c.keepPlan(plan, print)
		})
	})
	cmd.Flags().BoolVar(&print, "print", false, "print the rules instead of writing them")
	by.flags(cmd)
	return cmd
}

// environmentOf is the environment that was named; empty: the one that releases go to.
func environmentOf(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
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
			c.voice.say("every column has a rule: read them, as what looks like nothing is not found")
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
