package understudy

import (
	"slices"
	"time"
)

// Acceptance is somebody's word for differences between a twin and what it is a twin of:
// they are known, somebody answers for them, and not for ever.
type Acceptance struct {
	Kind   string `json:"kind"`           // of the differences
	Name   string `json:"name"`           // of the differences: * stands for any text, ? for any one letter
	Twin   string `json:"twin,omitempty"` // whose they are; empty: every twin's
	Owner  string `json:"owner"`
	Reason string `json:"reason"`
	Until  string `json:"until"` // the last day on which it holds, by UTC: "2026-12-31"
}

// Acceptable tells whether differences of a kind may be accepted at all. That a credential
// which has to differ is the same on both sides nobody may accept: whoever gets hold of the
// twin would hold production.
func Acceptable(kind string) bool { return kind != GapCredential }

// RanOut tells whether an acceptance holds no longer.
func (a Acceptance) RanOut(now time.Time) bool { return now.UTC().Format(time.DateOnly) > a.Until }

// covers tells whether a difference is one that the acceptance means.
func (a Acceptance) covers(g Gap) bool {
	return g.Because == "" && a.Kind == g.Kind && Acceptable(g.Kind) && like(a.Name, g.Name)
}

// of tells whether the acceptance is about one of two environments.
func (a Acceptance) of(one, other string) bool {
	return a.Twin == "" || a.Twin == one || a.Twin == other
}

// String names what is accepted.
func (a Acceptance) String() string { return a.Kind + " " + a.Name }

// Said is who answers for it, until when and why.
func (a Acceptance) Said() string {
	return sentence("%s until %s: %s", a.Owner, a.Until, a.Reason)
}

// Lapsed is an acceptance that accepts nothing.
type Lapsed struct {
	Acceptance
	Over bool `json:"over"` // it ran out; else nothing that it means is different any more
	Met  int  `json:"met"`  // differences that it would accept
}

// Why says why it accepts nothing.
func (l Lapsed) Why() string {
	switch {
	case !l.Over:
		return "no such difference was found any more"
	case l.Met == 0:
		return sentence("it ran out on %s, and no such difference was found any more", l.Until)
	case l.Met == 1:
		return sentence("it ran out on %s: the difference is accidental again", l.Until)
	}
	return sentence("it ran out on %s: its %d differences are accidental again", l.Until, l.Met)
}

// Accidental tells a difference that nobody expects and nobody answers for.
func (g Gap) Accidental() bool { return g.Because == "" && g.Accepted == nil }

// Equal is how many facts were compared and found equal.
func (p Parity) Equal() int { return max(0, p.Compared-len(p.Gaps)) }

// Accept holds a measurement against what is accepted: differences that an acceptance
// means, and that nobody expects anyway, are accepted, and the figure is that of the rest.
// An acceptance that ran out, or that means nothing which was found, is told as lapsed. The
// day is that of the measurement. The first acceptance that means a difference accepts it.
func (p Parity) Accept(all []Acceptance) Parity {
	equal := p.Equal()
	p.Gaps, p.Lapsed = slices.Clone(p.Gaps), nil
	for i := range p.Gaps {
		p.Gaps[i].Accepted = nil
	}
	for _, a := range all {
		if !a.of(p.A, p.B) {
			continue
		}
		over, met := a.RanOut(p.MeasuredAt), 0
		for i, g := range p.Gaps {
			if !a.covers(g) {
				continue
			}
			met++
			if !over && g.Accepted == nil {
				p.Gaps[i].Accepted = &a
			}
		}
		if over || met == 0 {
			p.Lapsed = append(p.Lapsed, Lapsed{Acceptance: a, Over: over, Met: met})
		}
	}
	p.Figure = ParityFigure(equal, p.Gaps)
	return p
}

// Accepted are the acceptances that were taken into account, each with how many differences
// it accepts, in the order of the differences.
func (p Parity) Accepted() []Accepted {
	var out []Accepted
	for _, g := range p.Gaps {
		if g.Accepted == nil {
			continue
		}
		at := slices.IndexFunc(out, func(a Accepted) bool { return a.Acceptance == *g.Accepted })
		if at < 0 {
			at, out = len(out), append(out, Accepted{Acceptance: *g.Accepted})
		}
		out[at].Differences++
	}
	return out
}

// Accepted is an acceptance that was taken into account.
type Accepted struct {
	Acceptance
	Differences int `json:"differences"`
}

// ParityTerms is what a policy asks of a twin's likeness.
type ParityTerms struct {
	Under    float64      `json:"under,omitempty"`    // the lowest figure with which a release may pass; 0: any
	Blocking float64      `json:"blocking,omitempty"` // weight from which one accidental difference blocks
	Accepted []Acceptance `json:"accepted,omitempty"`
}

// ParitySummary is what a verdict says of the twin it was found on: never the figure
// without what made it.
type ParitySummary struct {
	Figure     float64    `json:"figure"`
	Equal      int        `json:"equal"`
	Accidental int        `json:"accidental"`
	Expected   int        `json:"expected"`
	Accepted   []Accepted `json:"accepted,omitempty"`
	Digest     Digest     `json:"digest"` // of the whole measurement, which is kept as evidence
	MeasuredAt time.Time  `json:"measuredAt"`
}

// Summarised is a measurement as a verdict has it. The caller adds the digest.
func (p Parity) Summarised() ParitySummary {
	s := ParitySummary{Figure: p.Figure, Equal: p.Equal(), Accepted: p.Accepted(), MeasuredAt: p.MeasuredAt}
	for _, g := range p.Gaps {
		switch {
		case g.Accidental():
			s.Accidental++
		case g.Because != "":
			s.Expected++
		}
	}
	return s
}

// String is the figure with what it rests on.
func (s ParitySummary) String() string {
	accepted := 0
	for _, a := range s.Accepted {
		accepted += a.Differences
	}
	return sentence("%.1f (%d facts equal; differences: %d accidental, %d accepted, %d expected)", s.Figure, s.Equal, s.Accidental, accepted, s.Expected)
}

// RanOut are the acceptances that a verdict rests on and that hold no longer.
func (s ParitySummary) RanOut(now time.Time) []Acceptance {
	var out []Acceptance
	for _, a := range s.Accepted {
		if a.RanOut(now) {
			out = append(out, a.Acceptance)
		}
	}
	return out
}

// like tells whether a text is of a pattern, in which * stands for any text and ? for any
// one letter.
func like(pattern, text string) bool {
	p, t := []rune(pattern), []rune(text)
	star, mark := -1, 0 // the last *, and where what it stands for ends
	i := 0
	for at := 0; at < len(t); {
		switch {
		case i < len(p) && p[i] == '*':
			star, mark = i, at
			i++
		case i < len(p) && (p[i] == '?' || p[i] == t[at]):
			i, at = i+1, at+1
		case star >= 0:
			mark++
			i, at = star+1, mark
		default:
			return false
		}
	}
	for i < len(p) && p[i] == '*' {
		i++
	}
	return i == len(p)
}
