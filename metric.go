package understudy

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// Metric is something that a team judges its releases by: a query that Prometheus answers,
// or a command. Its words mean what they mean in Argo Rollouts' analysis. Zero values stand
// for the defaults that WithDefaults documents.
type Metric struct {
	Name    string        `json:"name"`
	URL     string        `json:"url,omitempty"`    // of Prometheus
	PromQL  string        `json:"promql,omitempty"` // may hold {{release}}, {{old}}, {{environment}}, {{window}}
	Token   SecretRef     `json:"token,omitempty"`  // sent as Authorization: Bearer
	Command []string      `json:"command,omitempty"`
	Timeout time.Duration `json:"timeout,omitempty"` // of one measuring
	// Max and Min bound the value; Compare bounds how many times the old release's it may be.
	// A command without any of them says by its exit status.
	Max     *float64 `json:"max,omitempty"`
	Min     *float64 `json:"min,omitempty"`
	Compare float64  `json:"compare,omitempty"`

	Delay             time.Duration `json:"delay,omitempty"`             // before the first measuring; 0: Interval
	Interval          time.Duration `json:"interval,omitempty"`          // between two
	Count             int           `json:"count,omitempty"`             // how often; 0: until the end of the bake
	FailureLimit      int           `json:"failureLimit,omitempty"`      // that many may fail
	InconclusiveLimit int           `json:"inconclusiveLimit,omitempty"` // that many may not be told
	ErrorLimit        int           `json:"errorLimit,omitempty"`        // that many in a row may not be measured
	DryRun            bool          `json:"dryRun,omitempty"`            // it is told, and decides nothing
}

// WithDefaults fills in what was left out.
func (m Metric) WithDefaults() Metric {
	set(&m.Interval, 10*time.Second)
	set(&m.Delay, m.Interval)
	set(&m.Timeout, 10*time.Second)
	set(&m.ErrorLimit, 4)
	return m
}

// String says all of a metric, so that two that differ read differently.
func (m Metric) String() string {
	var text strings.Builder
	say := func(set bool, format string, args ...any) {
		if set {
			fmt.Fprintf(&text, format, args...)
		}
	}
	say(m.PromQL != "", "%s", m.PromQL)
	say(m.URL != "", ", by Prometheus at %s", m.URL)
	say(m.Token != "", " with the token of %s", m.Token)
	say(len(m.Command) > 0, "the command %q", m.Command)
	if m.Max != nil {
		say(true, "; at most %g", *m.Max)
	}
	if m.Min != nil {
		say(true, "; at least %g", *m.Min)
	}
	say(m.Compare != 0, "; at most %g times the old release's", m.Compare)
	say(true, "; every %s", short(m.Interval))
	say(m.Delay != m.Interval, " from %s on", short(m.Delay))
	say(m.Count > 0, ", %d times", m.Count)
	say(true, ", within %s; %d may fail, %d may not be told, %d in a row may not be measured", short(m.Timeout), m.FailureLimit, m.InconclusiveLimit, m.ErrorLimit)
	say(m.DryRun, "; it decides nothing")
	return text.String()
}

// Validate reports what makes a metric impossible to measure.
func (m Metric) Validate() error {
	bad := func(format string, args ...any) error {
		return Errorf(KindInvalid, "metric %s: "+format, append([]any{m.Name}, args...)...)
	}
	bounded := m.Max != nil || m.Min != nil || m.Compare != 0
	switch {
	case (m.PromQL != "") == (len(m.Command) > 0):
		return bad("expected promql: with url:, or command:")
	case m.PromQL != "" && m.URL == "":
		return bad("expected url:, the address of Prometheus, as http://127.0.0.1:9090")
	case m.PromQL != "" && !bounded:
		return bad("expected max:, min: or compare:, found none of them")
	case m.Compare != 0 && len(m.Command) > 0:
		return bad("compare: asks for the old release's value too, and a command gives one; expected max: or min:")
	}
	return nil
}

// Measurement is what one measuring came to: passed where there is a value or a yes, failed
// where a command says no, inconclusive where there is nothing to be told, error where it
// could not be measured.
type Measurement struct {
	Outcome Outcome  `json:"outcome"`
	Value   *float64 `json:"value,omitempty"`
	Says    string   `json:"says,omitempty"`
}

// Judge holds a measurement against the metric's bounds. The old release's is needed where
// the metric compares.
func (m Metric) Judge(fresh Measurement, old *float64) Measurement {
	if fresh.Outcome != OutcomePassed || fresh.Value == nil {
		return fresh
	}
	v := *fresh.Value
	out := Measurement{Outcome: OutcomePassed, Value: Finite(fresh.Value), Says: fmt.Sprintf("%.4g", v)}
	fail := func(failed bool, format string, args ...any) {
		if failed && out.Outcome == OutcomePassed {
			out.Outcome, out.Says = OutcomeFailed, out.Says+fmt.Sprintf(format, args...)
		}
	}
	if math.IsNaN(v) {
		return Measurement{Outcome: OutcomeInconclusive, Says: "it is not a number"}
	}
	fail(m.Max != nil && v > value(m.Max), ", more than %.4g", value(m.Max))
	fail(m.Min != nil && v < value(m.Min), ", less than %.4g", value(m.Min))
	switch {
	case m.Compare == 0 || out.Outcome == OutcomeFailed:
	case old == nil || math.IsNaN(*old):
		return Measurement{Outcome: OutcomeInconclusive, Value: out.Value, Says: out.Says + ", and there is none of the old release to compare with"}
	default:
		out.Says += fmt.Sprintf(", and %.4g of the old release", *old)
		fail(v > *old*m.Compare, ": more than %.4g times as much", m.Compare)
	}
	return out
}

// Finite is a value that can be written down; nil: there is none, or it is none.
func Finite(v *float64) *float64 {
	if v == nil || math.IsNaN(*v) || math.IsInf(*v, 0) {
		return nil
	}
	return v
}

func value(bound *float64) float64 {
	if bound == nil {
		return 0
	}
	return *bound
}

// Measured is what the measurings of a metric came to so far.
type Measured struct {
	Name         string      `json:"name"`
	Passed       int         `json:"passed"`
	Failed       int         `json:"failed"`
	Inconclusive int         `json:"inconclusive"`
	Errors       int         `json:"errors"`
	InARow       int         `json:"errorsInARow"`
	Last         Measurement `json:"last"`
	Old          *float64    `json:"old,omitempty"` // the old release's last value, while it served
}

// Taken is how often it was measured, errors aside.
func (d Measured) Taken() int { return d.Passed + d.Failed + d.Inconclusive }

// With counts one more measurement.
func (d Measured) With(m Measurement) Measured {
	d.Last = m
	if m.Outcome == OutcomeError {
		d.Errors++
		d.InARow++
		return d
	}
	d.InARow = 0
	switch m.Outcome {
	case OutcomePassed:
		d.Passed++
	case OutcomeFailed:
		d.Failed++
	default:
		d.Inconclusive++
	}
	return d
}

// Done tells whether it is measured no more.
func (m Metric) Done(d Measured) bool { return m.Count > 0 && d.Taken() >= m.Count }

// Conclude judges a release by what was measured so far. What was never measured is no pass.
func (m Metric) Conclude(d Measured) Judged {
	out := Judged{Name: "metric " + m.Name, Advisory: m.DryRun}
	says := func(outcome Outcome, format string, args ...any) Judged {
		out.Outcome, out.Says = outcome, "metric "+m.Name+": "+fmt.Sprintf(format, args...)
		return out
	}
	last := ""
	if d.Last.Says != "" {
		last = "; the last: " + d.Last.Says
	}
	switch {
	case d.Failed > m.FailureLimit:
		return says(OutcomeFailed, "%d of %d measurements failed, and %d may%s", d.Failed, d.Taken(), m.FailureLimit, last)
	case d.InARow > m.ErrorLimit:
		return says(OutcomeError, "it could not be measured %d times in a row, and %d times may be%s", d.InARow, m.ErrorLimit, last)
	case d.Inconclusive > m.InconclusiveLimit:
		return says(OutcomeInconclusive, "%d of %d measurements could not be told, and %d may%s", d.Inconclusive, d.Taken(), m.InconclusiveLimit, last)
	case d.Taken() == 0:
		return says(OutcomeInconclusive, "it was not measured yet%s", last)
	case m.Count > 0 && !m.Done(d):
		return says(OutcomeInconclusive, "measured %d of %d times%s", d.Taken(), m.Count, last)
	}
	return says(OutcomePassed, "%d of %d measurements passed%s", d.Passed, d.Taken(), last)
}
