package config

import (
	"slices"
	"strings"
	"time"

	"understudy"
)

// parityEntry is what is asked of the likeness of twins.
type parityEntry struct {
	Under    float64           `yaml:"under"`
	Blocking float64           `yaml:"blocking"`
	Every    duration          `yaml:"every"`
	Accepted []acceptanceEntry `yaml:"accepted"`
}

type acceptanceEntry struct {
	Kind   string `yaml:"kind"`
	Name   string `yaml:"name"`
	Twin   string `yaml:"twin"`
	Owner  string `yaml:"owner"`
	Reason string `yaml:"reason"`
	Until  text   `yaml:"until"`
}

// parity is that of the file in words. An acceptance whose day has passed is none that is
// wrong: it is told as such by every measurement.
func (s *source) parity(e parityEntry, environments []understudy.Environment) understudy.ParityTerms {
	out := understudy.ParityTerms{Under: e.Under, Blocking: e.Blocking}
	if e.Every != 0 && time.Duration(e.Every) < time.Minute {
		s.problems.at([]string{"parity", "every"}, "expected 1m at least: each measurement asks production's servers; found %s", time.Duration(e.Every))
	}
	var twins []string
	for _, environment := range environments {
		if environment.TwinOf != "" {
			twins = append(twins, environment.Name)
		}
	}
	for i, entry := range e.Accepted {
		a := understudy.Acceptance{Kind: entry.Kind, Name: entry.Name, Twin: entry.Twin, Owner: entry.Owner, Reason: entry.Reason, Until: string(entry.Until)}
		s.checkAcceptance(a, []string{"parity", "accepted", index(i)}, twins)
		out.Accepted = append(out.Accepted, a)
	}
	return out
}

func (s *source) checkAcceptance(a understudy.Acceptance, at, twins []string) {
	below := func(key string) []string { return slices.Concat(at, []string{key}) }
	for _, said := range []struct{ key, value string }{{"name", a.Name}, {"owner", a.Owner}, {"reason", a.Reason}} {
		if strings.TrimSpace(said.value) == "" {
			s.problems.at(below(said.key), "expected a text, found nothing: whoever accepts a difference answers for it, for a reason")
		}
	}
	if _, err := time.Parse(time.DateOnly, a.Until); err != nil {
		s.problems.at(below("until"), "expected the last day on which it holds, such as 2026-12-31, found %q", a.Until)
	}
	if _, known := understudy.GapKindOf(a.Kind); !known {
		s.problems.at(below("kind"), "%q is no kind of difference%s", a.Kind, didYouMean(a.Kind, gapKinds()))
	}
	if !understudy.Acceptable(a.Kind) {
		s.problems.at(below("kind"), "a %s that has to differ and does not cannot be accepted: whoever gets hold of the twin holds production; give the twin one of its own", a.Kind)
	}
	if a.Twin != "" && !slices.Contains(twins, a.Twin) {
		s.problems.at(below("twin"), "%q is no twin of another environment%s", a.Twin, didYouMean(a.Twin, twins))
	}
}

// gapKinds are the names of the kinds of differences.
func gapKinds() []string {
	var names []string
	for _, kind := range understudy.GapKinds() {
		names = append(names, kind.Name)
	}
	return names
}
