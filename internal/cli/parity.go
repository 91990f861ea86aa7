package cli

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"understudy"
	"understudy/internal/api"
)

// parityAsked is what `understudy parity` was asked for.
type parityAsked struct {
	a, b    string
	under   float64
	watch   bool
	every   time.Duration
	history bool
	chart   string
}

func (c *cli) parityCommand() *cobra.Command {
	var asked parityAsked
	cmd := c.command(page{
		use: "parity [A B] [--fail-under N] [--watch]", short: "measure how alike two environments are", args: twoOrNone,
		long: "Compares releases, configuration, schemas, data, servers and settings (default: production and\n" +
			"its twin). Each difference is expected of a twin, accepted in understudy.yaml, or accidental. The\n" +
			"figure is 100 only where none is accidental, and is never shown without its list. With --watch it is\n" +
			"measured again and again, and what changed is told, until it is interrupted.",
		example: "understudy parity\nunderstudy parity production staging --fail-under 98\nunderstudy parity --watch --every 5m\nunderstudy parity history --chart parity.svg",
		exits:   "0 done, 1 error, 2 wrong usage, 3 the figure is under --fail-under (with --watch: the last one)",
	}, func(ctx context.Context, args []string) error {
		asked.a, asked.b = pairOf(args)
		return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
			if asked.watch {
				return c.watchParity(ctx, roles, asked)
			}
			return c.measureParity(ctx, roles, asked)
		})
	})
	flags := cmd.Flags()
	flags.Float64Var(&asked.under, "fail-under", 0, "end with status 3 when the figure is under this")
	flags.BoolVar(&asked.watch, "watch", false, "measure again and again, and tell what changed")
	flags.DurationVar(&asked.every, "every", 0, "with --watch: between two measurements (default parity.every, else 15m)")
	flags.BoolVar(&asked.history, "history", false, "tell what was measured before, too")
	flags.StringVar(&asked.chart, "chart", "", "draw the last 30 days into this file (SVG), too")
	cmd.MarkFlagsMutuallyExclusive("watch", "history")
	cmd.MarkFlagsMutuallyExclusive("watch", "chart")
	cmd.AddCommand(c.parityHistory())
	return cmd
}

func twoOrNone(_ *cobra.Command, args []string) error {
	if len(args) == 0 || len(args) == 2 {
		return nil
	}
	return understudy.Errorf(understudy.KindInvalid, "parity compares two environments, or production and its twin when none is named")
}

func pairOf(args []string) (a, b string) {
	if len(args) == 2 {
		return args[0], args[1]
	}
	return "", ""
}

// measuredNow is a measurement, with what was measured before where that was asked for.
type measuredNow struct {
	understudy.Parity
	History *understudy.ParityHistory `json:"history,omitempty"`
}

func (c *cli) measureParity(ctx context.Context, roles api.Roles, asked parityAsked) error {
	found, err := roles.Parities.Parity(ctx, asked.a, asked.b)
	if err != nil {
		return err
	}
	now := measuredNow{Parity: found}
	if asked.history || asked.chart != "" {
		past, err := roles.Parities.ParityHistory(ctx, api.ParityHistory{A: found.A, B: found.B})
		if err != nil {
			return err
		}
		if err := c.keepChart(past, asked.chart); err != nil {
			return err
		}
		if asked.history {
			now.History = &past
		}
	}
	if err := show(c, now, c.showMeasured); err != nil {
		return err
	}
	return underOf(found, asked.under)
}

// underOf is an error where a figure is under what was asked for.
func underOf(p understudy.Parity, under float64) error {
	if p.Figure >= under {
		return nil
	}
	return understudy.Errorf(understudy.KindRefused, "the parity of %s and %s is %.1f, asked for were %.1f", p.A, p.B, p.Figure, under)
}

func (c *cli) showMeasured(now measuredNow) {
	c.showParity(now.Parity)
	if now.History != nil {
		c.voice.print("")
		c.showHistory(*now.History, shownStretches)
	}
}

func (c *cli) showParity(p understudy.Parity) {
	c.voice.print("parity of %s and %s: %s", p.A, p.B, p.Summarised())
	accidental, accepted, expected := gapRows(p)
	for _, of := range []struct {
		header string
		rows   [][]string
	}{
		{"ACCIDENTAL NAME " + p.A + " " + p.B + " WEIGHT", accidental},
		{"ACCEPTED NAME " + p.A + " " + p.B + " BY UNTIL BECAUSE", accepted},
		{"EXPECTED NAME " + p.A + " " + p.B + " BECAUSE", expected},
	} {
		if len(of.rows) > 0 {
			c.voice.print("")
			c.voice.table(of.header, of.rows, "")
		}
	}
	if len(p.Lapsed) > 0 {
		c.voice.print("")
	}
	for _, l := range p.Lapsed {
		c.voice.print("%s", lapsedLine(l))
	}
	if len(p.Measured) > 0 {
		c.voice.print("")
	}
	for _, how := range p.Measured {
		c.voice.print("measured: %s", how)
	}
}

// gapRows parts the differences by how they stand, the kind that weighs most first, and in it
// the heaviest.
func gapRows(p understudy.Parity) (accidental, accepted, expected [][]string) {
	for _, g := range worstFirst(p) {
		row := []string{g.Kind, g.Name, g.A, g.B}
		switch {
		case g.Accidental():
			accidental = append(accidental, append(row, amount(g.Weight)))
		case g.Accepted != nil:
			accepted = append(accepted, append(row, g.Accepted.Owner, g.Accepted.Until, g.Accepted.Reason))
		default:
			expected = append(expected, append(row, g.Because))
		}
	}
	return accidental, accepted, expected
}

func worstFirst(p understudy.Parity) []understudy.Gap {
	rank := map[string]int{}
	for i, k := range p.Kinds() {
		rank[k.Kind] = i
	}
	gaps := slices.Clone(p.Gaps)
	slices.SortStableFunc(gaps, func(a, b understudy.Gap) int {
		return cmp.Or(cmp.Compare(rank[a.Kind], rank[b.Kind]), cmp.Compare(b.Weight, a.Weight), strings.Compare(a.Name, b.Name))
	})
	return gaps
}
