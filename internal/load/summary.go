package load

import (
	"math"
	"slices"
	"time"
)

// DefaultBudget is how long a request may take before Window counts it as stalled.
const DefaultBudget = time.Second

// Summary is what happened to the requests that were due in a window of time. All figures
// are exact; they reach ten minutes back.
type Summary struct {
	Journeys int            `json:"journeys"` // arrived
	Requests int            `json:"requests"` // ended, failed ones included
	Failed   int            `json:"failed"`
	Dropped  int            `json:"dropped"`           // never sent: too many were under way
	Classes  map[string]int `json:"classes,omitempty"` // failures by step and cause: "POST /orders → 500"

	// Latencies count from when a request was due, over all that ended.
	P50 time.Duration `json:"p50"`
	P90 time.Duration `json:"p90"`
	P99 time.Duration `json:"p99"`
	Max time.Duration `json:"max"`

	Stall       Stall         `json:"stall"`
	LatenessP99 time.Duration `json:"latenessP99"`       // of the generator itself, in letting journeys arrive
	Rate        float64       `json:"rate"`              // requests per second that ended
	Samples     []string      `json:"samples,omitempty"` // up to 5 failures in words, of different classes first
}

// Stall is how long requests were held up beyond the budget. Those that still wait count
// with the time they have waited so far.
type Stall struct {
	Longest  time.Duration `json:"longest"`        // latency of the one that waited longest; 0: none was held up
	Requests int           `json:"requests"`       // over the budget
	Step     string        `json:"step,omitempty"` // of the one that waited longest
}

// Window summarises what was due from one moment up to another, which may lie in the
// future. It may be called at any time.
func (g *Generator) Window(from, to time.Time) Summary {
	return g.WindowBudget(from, to, DefaultBudget)
}

// WindowBudget is Window with the time after which a request counts as stalled.
func (g *Generator) WindowBudget(from, to time.Time, budget time.Duration) Summary {
	return g.record.summary(time.Now(), from, to, budget)
}

func (r *record) summary(now, from, to time.Time, budget time.Duration) Summary {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := Summary{Classes: map[string]int{}}
	if r.started.IsZero() {
		return s
	}
	w := window{from.Sub(r.started), to.Sub(r.started)}
	s.Journeys, s.Dropped = w.count(r.arrivals), w.count(r.drops)
	var latencies, lateness []time.Duration
	for _, answers := range r.pages {
		for _, a := range answers {
			if !w.has(a.due) {
				continue
			}
			latencies = append(latencies, a.latency)
			s.Stall.count(r.names[a.label], a.latency, budget)
			if a.first {
				lateness = append(lateness, a.lateness)
			}
			if a.class != 0 {
				s.Failed++
				s.Classes[r.names[a.class]]++
			}
		}
	}
	for f := range r.flights {
		if w.has(f.due) {
			s.Stall.count(f.label, now.Sub(r.started)-f.due, budget)
		}
	}
	s.Requests = len(latencies)
	s.Rate = w.rate(len(latencies), r.covered(now))
	slices.Sort(latencies)
	slices.Sort(lateness)
	s.P50, s.P90, s.P99, s.Max = quantile(latencies, 0.5), quantile(latencies, 0.9), quantile(latencies, 0.99), quantile(latencies, 1)
	s.LatenessP99 = quantile(lateness, 0.99)
	s.Samples = w.samples(r.samples)
	return s
}

// covered is how long there has been traffic.
func (r *record) covered(now time.Time) time.Duration {
	if !r.ended.IsZero() {
		now = r.ended
	}
	return now.Sub(r.started)
}

func (s *Stall) count(step string, latency, budget time.Duration) {
	if latency <= budget {
		return
	}
	s.Requests++
	if latency > s.Longest {
		s.Longest, s.Step = latency, step
	}
}

// window is a stretch of time since the beginning of the traffic, its end excluded.
type window struct{ from, to time.Duration }

func (w window) has(at time.Duration) bool { return at >= w.from && at < w.to }

func (w window) count(times []time.Duration) int {
	n := 0
	for _, at := range times {
		if w.has(at) {
			n++
		}
	}
	return n
}

// rate is per second of the part of the window in which there was traffic.
func (w window) rate(n int, covered time.Duration) float64 {
	length := min(w.to, covered) - max(w.from, 0)
	if length <= 0 {
		return 0
	}
	return float64(n) / length.Seconds()
}

// samples picks failures to show: the first of each class, then others.
func (w window) samples(all []sample) []string {
	const shown = 5
	var first, more []string
	seen := map[string]bool{}
	for _, s := range all {
		switch {
		case !w.has(s.due):
		case !seen[s.class]:
			seen[s.class] = true
			first = append(first, s.text)
		default:
			more = append(more, s.text)
		}
	}
	picked := append(first, more...)
	return picked[:min(len(picked), shown)]
}

// quantile is the smallest value that a share of the sorted ones does not exceed.
func quantile(sorted []time.Duration, share float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[max(int(math.Ceil(share*float64(len(sorted))))-1, 0)]
}
