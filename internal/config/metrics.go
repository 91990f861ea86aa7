package config

import (
	"time"

	"understudy"
)

// metricEntry is one of policy.metrics.
type metricEntry struct {
	Name              string   `yaml:"name"`
	URL               string   `yaml:"url"`
	PromQL            string   `yaml:"promql"`
	Token             string   `yaml:"token"`
	Command           []string `yaml:"command"`
	Timeout           duration `yaml:"timeout"`
	Max               *float64 `yaml:"max"`
	Min               *float64 `yaml:"min"`
	Compare           float64  `yaml:"compare"`
	Delay             duration `yaml:"delay"`
	Interval          duration `yaml:"interval"`
	Count             int      `yaml:"count"`
	FailureLimit      int      `yaml:"failure_limit"`
	InconclusiveLimit int      `yaml:"inconclusive_limit"`
	ErrorLimit        int      `yaml:"error_limit"`
	DryRun            bool     `yaml:"dry_run"`
}

func (s *source) metrics(entries []metricEntry) []understudy.Metric {
	var out []understudy.Metric
	known := map[string]bool{}
	for i, e := range entries {
		m := understudy.Metric{
			Name: e.Name, URL: e.URL, PromQL: e.PromQL, Token: s.secretRef(e.Token), Command: e.Command, Timeout: time.Duration(e.Timeout),
			Max: e.Max, Min: e.Min, Compare: e.Compare, Delay: time.Duration(e.Delay), Interval: time.Duration(e.Interval), Count: e.Count,
			FailureLimit: e.FailureLimit, InconclusiveLimit: e.InconclusiveLimit, ErrorLimit: e.ErrorLimit, DryRun: e.DryRun,
		}
		path := []string{"policy", "metrics", index(i)}
		if known[m.Name] {
			s.problems.at(path, "there is a metric %s already", m.Name)
		}
		known[m.Name] = true
		if err := m.Validate(); err != nil {
			s.problems.at(path, "%s", err)
		}
		out = append(out, m)
	}
	return out
}
