package cli

import (
	"fmt"
	"strings"
	"time"

	"understudy"
)

// board shows a rehearsal while it lasts. show and close are called by one goroutine.
type board interface {
	show(r understudy.Rehearsal)
	close() // nothing is shown after it
}

// board is the checklist on a terminal that can redraw, and plain lines elsewhere.
func (c *cli) board(plain bool) board {
	if c.voice.terminal.live && !plain && !c.json {
		return newLiveBoard(c.voice, c.now)
	}
	return &plainBoard{voice: c.voice, now: c.now, told: map[string]bool{}}
}

// plainBoard tells each thing once, in the order in which it happens.
type plainBoard struct {
	voice *voice
	now   func() time.Time
	told  map[string]bool
}

func (p *plainBoard) show(r understudy.Rehearsal) {
	p.once("title", "%s", title(r))
	if r.State == understudy.RehearsalQueued && r.WaitsFor != "" {
		p.line("waits "+r.WaitsFor, p.now(), "", "waits for rehearsal %s, which has %s", r.WaitsFor, r.On)
	}
	for _, check := range r.Checks {
		p.line("ended "+check.Name, check.StartedAt.Add(check.Took), check.Name, "%s after %s%s", check.Outcome, took(check.Took), after(": ", check.Summary))
	}
	if r.Resumed > 0 {
		p.line(fmt.Sprint("resumed ", r.Resumed), p.now(), "", "goes on after the daemon was gone, for the %s time", ordinal(r.Resumed))
	}
	if _, done := r.Done(r.Step); r.State == understudy.RehearsalRunning && r.Step != "" && !done {
		p.line("began "+r.Step, p.now(), r.Step, "begins")
	}
}

func (p *plainBoard) close() {}

func (p *plainBoard) once(key, format string, args ...any) {
	if !p.told[key] {
		p.told[key] = true
		p.voice.say(format, args...)
	}
}

func (p *plainBoard) line(key string, at time.Time, check, format string, args ...any) {
	text := strings.TrimSpace(fmt.Sprintf("%-13s ", check) + fmt.Sprintf(format, args...))
	p.once(key, "%s %s", at.Local().Format(time.TimeOnly), text)
}

// title is what is rehearsed, against what, where.
func title(r understudy.Rehearsal) string {
	line := "rehearsing " + r.Label
	if r.BaselineLabel != "" {
		line += " against " + r.BaselineLabel
	}
	return line + " on " + r.On + after(" for ", r.For) + " (" + r.ID + ")"
}

// after is a text behind its lead, or nothing where there is no text.
func after(lead, text string) string {
	if text == "" {
		return ""
	}
	return lead + text
}

func ordinal(n int) string {
	names := []string{"first", "second", "third"}
	if n >= 1 && n <= len(names) {
		return names[n-1]
	}
	return fmt.Sprintf("%dth", n)
}
