package understudy_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"understudy"
)

func of(v float64) *float64 { return &v }

func measured(v float64) understudy.Measurement {
	return understudy.Measurement{Outcome: understudy.OutcomePassed, Value: &v}
}

func TestMetric_JudgesAValueByItsBounds(t *testing.T) {
	nothing := understudy.Measurement{Outcome: understudy.OutcomeInconclusive, Says: "Prometheus has no value for it"}
	silent := understudy.Measurement{Outcome: understudy.OutcomeError, Says: "it does not answer"}
	for _, c := range []struct {
		claim  string
		metric understudy.Metric
		fresh  understudy.Measurement
		old    *float64
		want   understudy.Outcome
		says   string
	}{
		{"within", understudy.Metric{Max: of(5)}, measured(4), nil, understudy.OutcomePassed, "4"},
		{"at the bound", understudy.Metric{Max: of(5)}, measured(5), nil, understudy.OutcomePassed, "5"},
		{"above", understudy.Metric{Max: of(5)}, measured(6), nil, understudy.OutcomeFailed, "6, more than 5"},
		{"a bound of nothing", understudy.Metric{Max: of(0)}, measured(1), nil, understudy.OutcomeFailed, "1, more than 0"},
		{"below", understudy.Metric{Min: of(5)}, measured(4), nil, understudy.OutcomeFailed, "4, less than 5"},
		{"compared", understudy.Metric{Compare: 1.5}, measured(14), of(10), understudy.OutcomePassed, "14, and 10 of the old release"},
		{"compared, worse", understudy.Metric{Compare: 1.5}, measured(16), of(10), understudy.OutcomeFailed, "more than 1.5 times as much"},
		{"nothing to compare with", understudy.Metric{Compare: 1.5}, measured(16), nil, understudy.OutcomeInconclusive, "none of the old release"},
		{"the old one is no number", understudy.Metric{Compare: 1.5}, measured(16), of(math.NaN()), understudy.OutcomeInconclusive, ""},
		{"no number", understudy.Metric{Max: of(5)}, measured(math.NaN()), nil, understudy.OutcomeInconclusive, "not a number"},
		{"more than any number", understudy.Metric{Max: of(5)}, measured(math.Inf(1)), nil, understudy.OutcomeFailed, "+Inf, more than 5"},
		{"no value", understudy.Metric{Max: of(5)}, nothing, nil, understudy.OutcomeInconclusive, "no value"},
		{"no answer", understudy.Metric{Max: of(5)}, silent, nil, understudy.OutcomeError, "does not answer"},
		{"a command's yes", understudy.Metric{}, understudy.Measurement{Outcome: understudy.OutcomePassed}, nil, understudy.OutcomePassed, ""},
	} {
		got := c.metric.Judge(c.fresh, c.old)
		if got.Outcome != c.want || !strings.Contains(got.Says, c.says) {
			t.Errorf("%s: %+v, want %s (%s)", c.claim, got, c.want, c.says)
		}
		if _, err := json.Marshal(got); err != nil {
			t.Errorf("%s: it cannot be written down: %v", c.claim, err)
		}
	}
}

// told is how often a metric was measured, each letter one measuring: p f i e.
func told(course string) understudy.Measured {
	d := understudy.Measured{Name: "orders"}
	for _, letter := range course {
		d = d.With(understudy.Measurement{Outcome: map[rune]understudy.Outcome{
			'p': understudy.OutcomePassed, 'f': understudy.OutcomeFailed, 'i': understudy.OutcomeInconclusive, 'e': understudy.OutcomeError,
		}[letter], Says: "last"})
	}
	return d
}

func TestMetric_SaysAllOfItselfInWords(t *testing.T) {
	for want, m := range map[string]understudy.Metric{
		"up, by Prometheus at http://p with the token of env:T; at most 0.02; at most 1.5 times the old release's; every 10s from 1m on, 3 times, within 10s; 1 may fail, 2 may not be told, 4 in a row may not be measured": {
			PromQL: "up", URL: "http://p", Token: "env:T", Max: of(0.02), Compare: 1.5, Delay: time.Minute, Count: 3, FailureLimit: 1, InconclusiveLimit: 2},
		`the command ["bin/orders" "a b"]; at least 5; every 10s, within 10s; 0 may fail, 0 may not be told, 4 in a row may not be measured; it decides nothing`: {
			Command: []string{"bin/orders", "a b"}, Min: of(5), DryRun: true},
	} {
		if found := m.WithDefaults().String(); found != want {
			t.Errorf("want  %s\nfound %s", want, found)
		}
	}
}

func TestMetric_ConcludesAsArgoRolloutsDoes(t *testing.T) {
	for _, c := range []struct {
		course string
		metric understudy.Metric
		want   understudy.Outcome
		says   string
	}{
		{"", understudy.Metric{}, understudy.OutcomeInconclusive, "not measured yet"},
		{"p", understudy.Metric{}, understudy.OutcomePassed, "1 of 1 measurements passed"},
		{"f", understudy.Metric{}, understudy.OutcomeFailed, "1 of 1 measurements failed, and 0 may; the last: last"},
		{"pfp", understudy.Metric{FailureLimit: 1}, understudy.OutcomePassed, ""},
		{"pfpf", understudy.Metric{FailureLimit: 1}, understudy.OutcomeFailed, "2 of 4"},
		{"i", understudy.Metric{}, understudy.OutcomeInconclusive, "could not be told"},
		{"pip", understudy.Metric{InconclusiveLimit: 1}, understudy.OutcomePassed, ""},
		{"eeee", understudy.Metric{}, understudy.OutcomeInconclusive, "not measured yet"},
		{"eeeee", understudy.Metric{}, understudy.OutcomeError, "could not be measured 5 times in a row, and 4 times may be"},
		{"eeeep", understudy.Metric{}, understudy.OutcomePassed, ""},
		{"peeeepeeee", understudy.Metric{}, understudy.OutcomePassed, ""},
		{"peeeee", understudy.Metric{}, understudy.OutcomeError, ""},
		{"feeeee", understudy.Metric{}, understudy.OutcomeFailed, ""},
		{"pp", understudy.Metric{Count: 3}, understudy.OutcomeInconclusive, "measured 2 of 3 times"},
		{"ppp", understudy.Metric{Count: 3}, understudy.OutcomePassed, ""},
	} {
		m := c.metric.WithDefaults()
		m.Name = "orders"
		if got := m.Conclude(told(c.course)); got.Outcome != c.want || !strings.Contains(got.Says, c.says) || got.Advisory {
			t.Errorf("%q of %+v: %+v, want %s (%s)", c.course, c.metric, got, c.want, c.says)
		}
		m.DryRun = true
		if got := (understudy.Judgement{{Name: "errors", Outcome: understudy.OutcomePassed}, m.Conclude(told(c.course))}); !got[1].Advisory {
			t.Errorf("%q of a dry run decides: %+v", c.course, got)
		} else if whole, _ := got.Whole(); whole != understudy.OutcomePassed {
			t.Errorf("%q of a dry run makes it %s", c.course, whole)
		}
	}
}

func TestMetric_ThatWasNeverMeasuredNeverPasses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := understudy.Metric{ErrorLimit: rapid.IntRange(1, 9).Draw(t, "limit"), InconclusiveLimit: rapid.IntRange(0, 3).Draw(t, "untold")}.WithDefaults()
		course := rapid.StringMatching("[e]{0,12}").Draw(t, "course")
		if got := m.Conclude(told(course)); got.Outcome == understudy.OutcomePassed {
			t.Fatalf("%q passes", course)
		}
		any := rapid.StringMatching("[pfie]{0,12}").Draw(t, "any")
		if d := told(any); d.Taken()+d.Errors != len(any) || m.Conclude(d).Outcome == understudy.OutcomePassed && d.Failed > 0 {
			t.Fatalf("%q: %+v", any, d)
		}
	})
}

func TestMetric_ValidateRefusesWhatCannotBeMeasured(t *testing.T) {
	for claim, m := range map[string]understudy.Metric{
		"nothing":             {Name: "m", Max: of(1)},
		"both":                {Name: "m", PromQL: "up", URL: "http://x", Command: []string{"x"}, Max: of(1)},
		"no server":           {Name: "m", PromQL: "up", Max: of(1)},
		"no bound":            {Name: "m", PromQL: "up", URL: "http://x"},
		"a command, compared": {Name: "m", Command: []string{"x"}, Compare: 2},
	} {
		if err := m.Validate(); understudy.KindOf(err) != understudy.KindInvalid || !strings.Contains(err.Error(), "metric m") {
			t.Errorf("%s: %v", claim, err)
		}
	}
	for _, m := range []understudy.Metric{{PromQL: "up", URL: "http://x", Min: of(1)}, {Command: []string{"x"}}, {Command: []string{"x"}, Max: of(1)}} {
		if err := m.Validate(); err != nil {
			t.Error(err)
		}
	}
}
