package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"understudy"
	"understudy/internal/api"
)

// watchParity shows the first measurement whole and then what changed, until it is
// interrupted, which is how it ends. With --json each measurement is a JSON value.
func (c *cli) watchParity(ctx context.Context, roles api.Roles, asked parityAsked) error {
	w := &parityWatch{cli: c}
	request := api.WatchParity{A: asked.a, B: asked.b, Every: asked.every}
	err := roles.Parities.WatchParity(ctx, request, w.hear)
	w.clear()
	if !errors.Is(err, context.Canceled) || ctx.Err() == nil {
		return err
	}
	if w.last == nil {
		return nil
	}
	return underOf(*w.last, asked.under)
}

// parityWatch is what was heard of two environments so far.
type parityWatch struct {
	cli     *cli
	last    *understudy.Parity
	times   int
	changed time.Time // when it last was another one
	shown   bool      // a line that will be overwritten stands on the terminal
}

func (w *parityWatch) hear(heard api.Likeness) error {
	c := w.cli
	if c.json {
		w.take(heard)
		return c.voice.json(heard)
	}
	w.clear()
	switch {
	case heard.Failed != "":
		c.voice.say("%s not measured: %s", clockOf(heard.At), heard.Failed)
	case w.last == nil:
		c.showParity(heard.Parity)
		w.changed = heard.At
	default:
		w.compare(heard)
	}
	w.take(heard)
	w.stand(heard.At)
	return c.voice.out.broken
}

func (w *parityWatch) take(heard api.Likeness) {
	if heard.Failed == "" {
		w.last = &heard.Parity
		w.times++
	}
}

// compare tells what is not as it was the time before. That nothing changed is told where no
// line stands that says so.
func (w *parityWatch) compare(heard api.Likeness) {
	c, now := w.cli, heard.Parity
	lines := append(changeLines(understudy.ParityChanges(w.last.Gaps, now.Gaps)), lapsedLines(w.last.Lapsed, now.Lapsed)...)
	if len(lines) == 0 && now.Figure == w.last.Figure {
		if !c.voice.terminal.live {
			c.voice.print("%s %s: no change", clockOf(heard.At), now.Summarised())
		}
		return
	}
	w.changed = heard.At
	c.voice.print("%s %s, was %.1f", clockOf(heard.At), now.Summarised(), w.last.Figure)
	for _, line := range lines {
		c.voice.print("  %s", line)
	}
}

// stand puts the line that lives on a terminal: how it stands, until the next measurement.
func (w *parityWatch) stand(at time.Time) {
	if t := w.cli.voice.terminal; !t.live || w.last == nil {
		return
	}
	width, _ := w.cli.voice.terminal.size()
	text := fmt.Sprintf("%s %.1f, %d accidental; measured %d times, as it is since %s",
		clockOf(at), w.last.Figure, w.last.Summarised().Accidental, w.times, clockOf(w.changed))
	_, _ = w.cli.voice.err.Write([]byte(cut(oneLine(text), width-1))) // the pen remembers
	w.shown = true
}

// clear takes the standing line away.
func (w *parityWatch) clear() {
	if w.shown {
		_, _ = w.cli.voice.err.Write([]byte("\r\x1b[K")) // the pen remembers
		w.shown = false
	}
}

// lapsedLines are the acceptances that accept nothing and did before, or did so for another reason.
func lapsedLines(before, now []understudy.Lapsed) []string {
	var lines []string
	for _, l := range now {
		if !slices.Contains(before, l) {
			lines = append(lines, lapsedLine(l))
		}
	}
	return lines
}

func lapsedLine(l understudy.Lapsed) string {
	return fmt.Sprintf("lapsed: the acceptance of %s by %s: %s", l.Acceptance, l.Owner, l.Why())
}

func clockOf(at time.Time) string { return at.Local().Format(time.TimeOnly) }

// changeLines are changes in words: "came  setting main work_mem: 4MB / 64MB".
func changeLines(changes []understudy.ParityChange) []string {
	var lines []string
	for _, change := range changes {
		g := change.Gap
		line := fmt.Sprintf("%-7s %s %s: %s / %s", change.What, g.Kind, g.Name, g.A, g.B)
		if was := change.Was; was != nil && (was.A != g.A || was.B != g.B) {
			line += fmt.Sprintf(" (was %s / %s)", was.A, was.B)
		}
		if change.Was != nil && change.Was.State() != g.State() {
			line += fmt.Sprintf(" (was %s)", change.Was.State())
		}
		if !g.Accidental() {
			line += ", " + g.State()
		}
		lines = append(lines, line)
	}
	return lines
}
