package cli

import (
	"context"

	"github.com/spf13/cobra"

	"understudy"
	"understudy/internal/doctor"
)

func (c *cli) doctorCommand() *cobra.Command {
	return c.command(page{
		use: "doctor", short: "say what this machine lacks, and how to get it", args: takes(0, 0),
		long: "Looks at everything on this machine that a rehearsal needs: PostgreSQL, users, the seal,\n" +
			"disk, memory. Nothing is changed.",
		example: "understudy doctor",
		exits:   "0 nothing is missing, 1 something is, 2 wrong usage",
	}, func(ctx context.Context, _ []string) error {
		findings := doctor.Look(ctx, c.dir, c.state, c.programs.Seal)
		if err := show(c, findings, c.showDoctor); err != nil {
			return err
		}
		for _, f := range findings {
			if !f.OK && f.Fix != "" {
				return ended(understudy.ExitError)
			}
		}
		return nil
	})
}

func (c *cli) showDoctor(findings []doctor.Finding) {
	for _, f := range findings {
		mark := "ok      "
		switch {
		case !f.OK && f.Fix != "":
			mark = "missing "
		case !f.OK:
			mark = "unknown "
		}
		c.voice.print("%s%s: %s", mark, f.What, f.Found)
		if f.Fix != "" {
			c.voice.print("        %s", f.Fix)
		}
	}
}
