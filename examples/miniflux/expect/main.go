// Command expect holds a rehearsal of the Miniflux example against what is known of the
// two releases: that it found what it should, and for the right reasons.
//
//	expect CLAIM REHEARSAL.json UNDERSTUDY [ARGUMENT…]
//
// UNDERSTUDY and its arguments are how the program is called; evidence is read through it.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
)

func main() {
	if len(os.Args) < 4 {
		fmt.Fprintln(os.Stderr, "usage: expect CLAIM REHEARSAL.json UNDERSTUDY [ARGUMENT…]")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		fmt.Fprintf(os.Stderr, "expect: %s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}

func run(ctx context.Context, claim, file string, program []string) error {
	raw, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	s := seen{open: func(digest string) ([]byte, error) {
		args := append(program[1:len(program):len(program)], "rehearsal", "evidence", digest)
		return exec.CommandContext(ctx, program[0], args...).Output()
	}}
	if err := json.Unmarshal(raw, &s); err != nil {
		return fmt.Errorf("reading %s: %w", file, err)
	}
	for _, c := range claims() {
		if c.name == claim {
			if err := c.holds(s); err != nil {
				return err
			}
			fmt.Println("found:", c.words)
			return nil
		}
	}
	return fmt.Errorf("there is no such claim")
}

// seen is a rehearsal as `understudy rehearse --json` writes it, with the way to its
// evidence.
type seen struct {
	Checks []check `json:"checks"`
	open   func(digest string) ([]byte, error)
}

type check struct {
	Name     string    `json:"name"`
	Outcome  string    `json:"outcome"`
	Summary  string    `json:"summary"`
	Findings []finding `json:"findings"`
}

type finding struct {
	Code     string `json:"code"`
	Would    string `json:"would"`
	Seen     string `json:"seen"`
	Evidence []struct {
		Name   string `json:"name"`
		Digest string `json:"digest"`
	} `json:"evidence"`
}

// check is a check that must have ended in an outcome.
func (s seen) check(name, outcome string) (check, error) {
	for _, c := range s.Checks {
		if c.Name != name {
			continue
		}
		if c.Outcome != outcome {
			return c, fmt.Errorf("check %s: expected it %s, found it %s: %s", name, outcome, c.Outcome, c.Summary)
		}
		return c, nil
	}
	return check{}, fmt.Errorf("check %s: expected it %s, found that it never ran", name, outcome)
}

// without is for a check that was made and has none of these findings.
func (s seen) without(name string, codes ...string) error {
	for _, c := range s.Checks {
		if c.Name != name {
			continue
		}
		for _, code := range codes {
			if f, err := c.finding(code); err == nil {
				return fmt.Errorf("check %s: expected no finding %s, found %s", name, code, f.Seen)
			}
		}
		if c.Outcome != "passed" && c.Outcome != "failed" {
			return fmt.Errorf("check %s: expected it to look, found it %s: %s", name, c.Outcome, c.Summary)
		}
		return nil
	}
	return fmt.Errorf("check %s: found that it never ran", name)
}

// finding is the one finding of a code.
func (c check) finding(code string) (finding, error) {
	for _, f := range c.Findings {
		if f.Code == code {
			return f, nil
		}
	}
	return finding{}, fmt.Errorf("check %s: expected finding %s, found %d others", c.Name, code, len(c.Findings))
}

// heard is what the visitors of a rehearsal came to, as its evidence has it.
type heard struct {
	Requests int            `json:"requests"`
	Failed   int            `json:"failed"`
	Classes  map[string]int `json:"classes"`
	Samples  []string       `json:"samples"`
}

// evidence opens a finding's evidence: the traffic before and after a change.
func (s seen) evidence(f finding) (before, after heard, err error) {
	if len(f.Evidence) == 0 {
		return before, after, fmt.Errorf("finding %s has no evidence", f.Code)
	}
	raw, err := s.open(f.Evidence[0].Digest)
	if err != nil {
		return before, after, fmt.Errorf("opening evidence %s: %w", f.Evidence[0].Name, err)
	}
	var both struct {
		Before heard `json:"before"`
		After  heard `json:"after"`
	}
	if err := json.Unmarshal(raw, &both); err != nil {
		return before, after, fmt.Errorf("reading evidence %s: %w", f.Evidence[0].Name, err)
	}
	return both.Before, both.After, nil
}

// exactly tells whether just these classes of requests failed, each for its reason.
func (h heard) exactly(reasons map[string]string) error {
	for class := range h.Classes {
		if reasons[class] == "" {
			return fmt.Errorf("%q failed too", class)
		}
	}
	for class, reason := range reasons {
		if h.Classes[class] == 0 {
			return fmt.Errorf("expected %q to fail, found only %v", class, h.Classes)
		}
		for _, sample := range h.Samples {
			if strings.HasPrefix(sample, class+": ") && !strings.Contains(sample, reason) {
				return fmt.Errorf("expected %q to fail for %q, found %s", class, reason, sample)
			}
		}
		if !strings.Contains(strings.Join(h.Samples, "\n"), reason) {
			return fmt.Errorf("expected %q to fail for %q, found %q", class, reason, h.Samples)
		}
	}
	return nil
}
