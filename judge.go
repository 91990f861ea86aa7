package understudy

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// Side is one of two releases as a judge sees it.
type Side struct {
	Served
	Running int `json:"running"` // requests being answered now
	// PerRequest is the processor time that a request took, Memory what all its processes
	// hold in bytes; 0: that could not be read.
	PerRequest float64 `json:"perRequestSeconds,omitempty"`
	Memory     int64   `json:"memoryBytes,omitempty"`
}

// Comparison is what a new release is judged by.
type Comparison struct {
	Old, New Side
	// Before: Old was counted before the new release had all the traffic, and not beside it.
	Before bool
}

// Judged is one thing that a new release is judged by, and what that came to.
type Judged struct {
	Name    string  `json:"name"`
	Outcome Outcome `json:"outcome"`
	Says    string  `json:"says"` // with the figures
	// Advisory: it is told, and neither turns the promotion back nor holds it up.
	Advisory bool `json:"advisory,omitempty"`
}

// Judgement is one look at a new release.
type Judgement []Judged

// Whole is what the parts come to: failed where one failed, inconclusive where one could
// not be told or not be measured, else passed. The sentence is that of the part that
// decides, or of the first.
func (j Judgement) Whole() (Outcome, string) {
	undecided := ""
	for _, part := range j {
		switch {
		case part.Advisory:
		case part.Outcome == OutcomeFailed:
			return OutcomeFailed, part.Says
		case part.Outcome != OutcomePassed && undecided == "":
			undecided = part.Says
		}
	}
	switch {
	case undecided != "":
		return OutcomeInconclusive, undecided
	case len(j) == 0:
		return OutcomeInconclusive, "nothing was judged"
	}
	return OutcomePassed, j[0].Says
}

// The chance that a release no worse than the old one is ever found to be worse, however
// often it is looked at: by its errors, and by all its latencies together.
const (
	errorsAlarm  = 0.01
	latencyAlarm = 0.01
)

// Judge compares a new release with the old one, as often as anybody likes: what makes it
// fail must be clear beyond chance over all looks together, and larger than the policy allows.
func (p Policy) Judge(c Comparison) Judgement {
	judged := Judgement{p.judgeErrors(c)}
	for _, at := range []float64{.5, .95, .99} {
		if part := p.judgeLatency(c, at); part.Says != "" {
			judged = append(judged, part)
		}
	}
	return append(judged, p.judgeUse(c)...)
}

func (p Policy) judgeErrors(c Comparison) Judged {
	old, fresh := c.Old, c.New
	added := fresh.ErrorRate() - old.ErrorRate()
	enough := max(3, int64(float64(p.MinRequests)*p.MaxErrorRate))
	says := fmt.Sprintf("%d of %d requests failed on %s (%.1f %%); on %s %d of %d%s", fresh.Errors, fresh.Requests,
		fresh.Release, 100*fresh.ErrorRate(), old.Release, old.Errors, old.Requests, c.when())
	more := added > p.MaxErrorRate && fresh.Errors > 0
	clear := worseShare(fresh.Errors, fresh.Requests, old.Errors, old.Requests, p.MaxErrorRate) >= math.Log(1/errorsAlarm)
	part := Judged{Name: "errors", Outcome: OutcomePassed, Says: fmt.Sprintf("%d of %d requests failed on %s", fresh.Errors, fresh.Requests, fresh.Release)}
	switch {
	case more && clear && fresh.Errors >= enough:
		part.Outcome, part.Says = OutcomeFailed, says
	case fresh.Requests < int64(p.MinRequests):
		part.Outcome = OutcomeInconclusive
		part.Says = fmt.Sprintf("%d requests seen on %s; %d are needed to judge", fresh.Requests, fresh.Release, p.MinRequests)
	case more:
		part.Outcome, part.Says = OutcomeInconclusive, says+": more than are allowed, and it may be chance"
	}
	return part
}

// when says when the old release was counted, where that was not at the same time.
func (c Comparison) when() string {
	if c.Before {
		return " before"
	}
	return ""
}

// judgeLatency compares one quantile. Where it is longer, and not clearly so, the median waits
// for more requests, which soon tell. Of the slowest, and of an old release that had few,
// there may never be enough: they are only told.
func (p Policy) judgeLatency(c Comparison, at float64) Judged {
	if len(c.Old.Latency) == 0 || len(c.New.Latency) == 0 {
		return Judged{}
	}
	was, is := quantile(c.Old.Latency, at), quantile(c.New.Latency, at)
	part := Judged{Name: fmt.Sprintf("p%.0f", 100*at), Outcome: OutcomePassed}
	part.Says = fmt.Sprintf("%s of the requests on %s took %s at most, on %s %s%s", strings.Replace(fmt.Sprintf("%.0f %%", 100*at), "50 %", "half", 1),
		c.New.Release, inWords(is), c.Old.Release, inWords(was), c.when())
	if is <= was*p.MaxLatencyRatio || is-was <= p.LatencyFloor.Seconds() {
		return part
	}
	need := math.Log(6 / latencyAlarm) // three quantiles, each with two sides
	low, _ := quantileWithin(c.New.Latency, at, need)
	_, high := quantileWithin(c.Old.Latency, at, need)
	if low >= high {
		part.Outcome = OutcomeFailed
		return part
	}
	part.Outcome, part.Advisory = OutcomeInconclusive, at > .5 || math.IsInf(high, 1)
	part.Says += ": more than is allowed, and it may be chance"
	if math.IsInf(high, 1) {
		part.Says += fmt.Sprintf(", as %s answered too few to compare with", c.Old.Release)
	}
	return part
}

// judgeUse compares what a request costs and what the processes hold. Both are only told
// where the policy does not say how much more is too much.
func (p Policy) judgeUse(c Comparison) Judgement {
	var out Judgement
	add := func(name, what string, is, was, most float64, words func(float64) string) {
		if is == 0 || was == 0 || c.New.Requests < int64(p.MinRequests) {
			return
		}
		part := Judged{Name: name, Outcome: OutcomePassed, Advisory: most == 0}
		part.Says = fmt.Sprintf("%s %s %s, %s %s%s", c.New.Release, what, words(is), c.Old.Release, words(was), c.when())
		if most > 0 && is > was*most {
			part.Outcome, part.Says = OutcomeFailed, part.Says+fmt.Sprintf("; %.3g times as much is allowed", most)
		}
		out = append(out, part)
	}
	add("processor", "takes for a request", c.New.PerRequest, c.Old.PerRequest, p.MaxCPURatio, inWords)
	add("memory", "holds", float64(c.New.Memory), float64(c.Old.Memory), p.MaxMemoryRatio, func(v float64) string { return fmt.Sprintf("%.0f MB", v/1e6) })
	if peak := c.New.Peak; peak > 0 && c.Old.Seconds > 0 {
		out = append(out, Judged{Name: "in flight", Outcome: OutcomePassed, Advisory: true,
			Says: fmt.Sprintf("%s had %.2f requests in flight, %d at most; %s %.2f, %d at most%s", c.New.Release, c.New.InFlight, peak, c.Old.Release, c.Old.InFlight, c.Old.Peak, c.when())})
	}
	return out
}

// inWords writes a time in seconds as people do.
func inWords(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d >= 10*time.Millisecond:
		return d.Round(time.Millisecond).String()
	}
	return d.Round(10 * time.Microsecond).String()
}

// stalledFrom is how few requests under way say nothing when none of them ends.
const stalledFrom = 3

// Stall watches whether requests end at all: a release that accepts them and answers none
// has no errors. It holds what was seen at the last look.
type Stall struct {
	since time.Time // since when none has ended; zero: some have
	ended int64
	old   int64
}

// Look says how long no request has ended on the new release while some were under way. As
// long as the old one serves beside it and answers nothing either, it is not the release.
func (s *Stall) Look(c Comparison, now time.Time) time.Duration {
	beside := !c.Before && c.Old.Running >= stalledFrom && c.Old.Requests == s.old
	if c.New.Requests != s.ended || c.New.Running < stalledFrom || beside || s.since.IsZero() {
		s.since, s.ended, s.old = now, c.New.Requests, c.Old.Requests
		return 0
	}
	return now.Sub(s.since)
}

// Stalled judges how long no request has ended.
func (p Policy) Stalled(c Comparison, lasted time.Duration) Judged {
	part := Judged{Name: "answers", Outcome: OutcomePassed, Says: "no request is stuck on " + c.New.Release}
	if lasted >= p.StalledFor {
		part.Outcome = OutcomeFailed
		part.Says = fmt.Sprintf("no request has ended on %s for %s, and %d are under way", c.New.Release, lasted.Round(100*time.Millisecond), c.New.Running)
	}
	return part
}
