package cli

import (
	"context"

	"github.com/spf13/cobra"

	"understudy"
	"understudy/internal/api"
)

func (c *cli) parityCommand() *cobra.Command {
	var under float64
	cmd := c.command(page{
		use: "parity [A B] [--fail-under N]", short: "measure how alike two environments are",
		args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 || len(args) == 2 {
				return nil
			}
			return understudy.Errorf(understudy.KindInvalid, "parity compares two environments, or production and its twin when none is named")
		},
		long: "Compares releases, configuration, schemas, data, servers and settings (default: production and\n" +
			"its twin). The figure is 100 only where no gap was found that nobody expects.",
		example: "understudy parity\nunderstudy parity production staging --fail-under 98",
		exits:   "0 done, 1 error, 2 wrong usage, 3 the figure is under --fail-under",
	}, func(ctx context.Context, args []string) error {
		a, b := "", ""
		if len(args) == 2 {
			a, b = args[0], args[1]
		}
		return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
			parity, err := roles.Twins.Parity(ctx, a, b)
			if err != nil {
				return err
			}
			if err := show(c, parity, c.showParity); err != nil {
				return err
			}
			if parity.Figure < under {
				return understudy.Errorf(understudy.KindRefused, "the parity of %s and %s is %.1f, asked for were %.1f", parity.A, parity.B, parity.Figure, under)
			}
			return nil
		})
	})
	cmd.Flags().Float64Var(&under, "fail-under", 0, "end with status 3 when the figure is under this")
	return cmd
}

func (c *cli) showParity(p understudy.Parity) {
	accidental, expected := gaps(p)
	c.voice.print("parity of %s and %s: %.1f (%s facts equal, %d gaps, %d expected differences)", p.A, p.B, p.Figure,
		number(int64(p.Compared)), len(accidental), len(expected))
	if len(accidental) > 0 {
		c.voice.print("")
		c.voice.table("GAP NAME "+p.A+" "+p.B, accidental, "")
	}
	if len(expected) > 0 {
		c.voice.print("")
		c.voice.table("EXPECTED NAME "+p.A+" "+p.B+" BECAUSE", expected, "")
	}
	if len(p.Measured) > 0 {
		c.voice.print("")
	}
	for _, how := range p.Measured {
		c.voice.print("measured: %s", how)
	}
}

// gaps parts what nobody expects from what belongs to a twin.
func gaps(p understudy.Parity) (accidental, expected [][]string) {
	for _, g := range p.Gaps {
		if g.Because == "" {
			accidental = append(accidental, []string{g.Kind, g.Name, g.A, g.B})
		} else {
			expected = append(expected, []string{g.Kind, g.Name, g.A, g.B, g.Because})
		}
	}
	return accidental, expected
}
