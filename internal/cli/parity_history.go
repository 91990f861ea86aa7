package cli

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"understudy"
	"understudy/internal/api"
	"understudy/internal/atomicfile"
	"understudy/internal/paritypage"
)

func (c *cli) parityHistory() *cobra.Command {
	var since, chart string
	var all bool
	cmd := c.command(page{
		use: "history [A B] [--since TIME] [--chart FILE]", short: "show how likeness went, and what came and went", args: twoOrNone,
		long: "Shows what was measured of two environments (default: production and its twin), without measuring:\n" +
			"each line is a stretch in which every measurement found the same. The daemon measures at rehearsals,\n" +
			"after promotions, and each parity.every where understudy.yaml says so.",
		example: "understudy parity history --since 90d\nunderstudy parity history --chart parity.svg",
	}, func(ctx context.Context, args []string) error {
		from, err := c.moment("--since", since)
		if err != nil {
			return err
		}
		return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
			a, b := pairOf(args)
			past, err := roles.Parities.ParityHistory(ctx, api.ParityHistory{A: a, B: b, Since: from})
			if err != nil {
				return err
			}
			if err := c.keepChart(past, chart); err != nil {
				return err
			}
			most := shownStretches
			if all {
				most = len(past.Stretches)
			}
			return show(c, past, func(h understudy.ParityHistory) { c.showHistory(h, most) })
		})
	})
	cmd.Flags().StringVar(&since, "since", "", "a length of time ago, or a day (default 30d)")
	cmd.Flags().StringVar(&chart, "chart", "", "draw it into this file (SVG) too")
	cmd.Flags().BoolVar(&all, "all", false, "show every stretch, not the newest 20 only")
	return cmd
}

// shownStretches is how many of a history people are shown, the newest.
const shownStretches = 20

// shownChanges is how many changes are shown of each.
const shownChanges = 8

func (c *cli) showHistory(h understudy.ParityHistory, most int) {
	if len(h.Stretches) == 0 {
		c.voice.say("nothing was measured of %s and %s in that time", h.A, h.B)
		return
	}
	left := max(0, len(h.Stretches)-most)
	if left > 0 {
		c.voice.say("%d older stretches are not shown (--all shows them)", left)
	}
	promoted := h.Promoted
	for _, s := range h.Stretches[left:] {
		for ; len(promoted) > 0 && promoted[0].At.Before(s.From); promoted = promoted[1:] {
			c.showSettled(promoted[0])
		}
		c.voice.print("%s  %s", moment(s.From), stretchLine(s))
		lines := changeLines(s.Changes)
		for _, line := range lines[:min(shownChanges, len(lines))] {
			c.voice.print("    %s", line)
		}
		if more := len(lines) - shownChanges; more > 0 {
			c.voice.print("    and %d more", more)
		}
	}
	for _, p := range promoted {
		c.showSettled(p)
	}
}

func (c *cli) showSettled(p understudy.Promoted) {
	c.voice.print("%s  %s settled in %s", moment(p.At), p.Label, p.To)
}

// stretchLine says how it was, for how long and how often measured, and why.
func stretchLine(s understudy.ParityStretch) string {
	accidental, accepted := 0, 0
	for _, k := range s.Kinds {
		accidental, accepted = accidental+k.Accidental, accepted+k.Accepted
	}
	line := fmt.Sprintf("%.1f  differences: %d accidental, %d accepted", s.Figure, accidental, accepted)
	if s.Times > 1 {
		line += fmt.Sprintf("; for %s, measured %d times", took(s.Until.Sub(s.From)), s.Times)
	}
	var why []string
	for _, o := range s.Occasions[max(0, len(s.Occasions)-3):] {
		why = append(why, o.What+" of "+o.Label)
	}
	if len(why) > 0 {
		line += "; " + strings.Join(why, ", ")
	}
	return line
}

// keepChart draws a history into a file, where one is named.
func (c *cli) keepChart(h understudy.ParityHistory, file string) error {
	if file == "" {
		return nil
	}
	if err := atomicfile.WriteFrom(file, func(to io.Writer) error { return paritypage.Write(to, h) }, 0o644); err != nil {
		return err
	}
	whole, err := filepath.Abs(file)
	if err != nil {
		return fmt.Errorf("naming the chart: %w", err)
	}
	c.voice.say("the chart is %s", whole)
	return nil
}
