package cli

import (
	"fmt"
	"strings"
	"time"

	"understudy"
)

// checkLine is one check on the list.
type checkLine struct {
	state string // an outcome, "running" or "" for one that waits
	name  string
	took  string
	about string
}

// text is the line without colour.
func (l checkLine) text() string {
	return strings.TrimRight(fmt.Sprintf("  %-12s %-13s %7s  %s", l.mark(), l.name, l.took, l.about), " ")
}

func (l checkLine) mark() string {
	if l.state == "" {
		return "waiting"
	}
	return l.state
}

// checklist is every check of a rehearsal in its order: those that have ended, the one
// under way, and those to come.
func checklist(r understudy.Rehearsal, now time.Time) []checkLine {
	var lines []checkLine
	listed := map[string]bool{}
	add := func(name string) {
		if listed[name] {
			return
		}
		listed[name] = true
		check, done := r.Done(name)
		switch {
		case done:
			lines = append(lines, checkLine{string(check.Outcome), name, took(check.Took), check.Summary})
		case name == r.Step && !r.State.Ended():
			lines = append(lines, checkLine{state: "running", name: name, took: took(now.Sub(stepBegan(r)))})
		case r.State.Ended():
			lines = append(lines, checkLine{state: "not run", name: name})
		default:
			lines = append(lines, checkLine{name: name})
		}
	}
	for _, name := range understudy.Checks() {
		add(name)
	}
	for _, check := range r.Checks {
		add(check.Name)
	}
	if r.Step != "" && !r.State.Ended() {
		add(r.Step)
	}
	return lines
}

// stepBegan is about when the check under way began: when the one before it ended.
func stepBegan(r understudy.Rehearsal) time.Time {
	began := r.StartedAt
	for _, c := range r.Checks {
		if end := c.StartedAt.Add(c.Took); end.After(began) {
			began = end
		}
	}
	return began
}
