package main

import (
	"encoding/json"
	"sync"
	"time"

	"understudy/examples/shop/internal/visitor"
)

// summary is what the customers saw. It may be used from several goroutines at once.
type summary struct {
	mu sync.Mutex

	Requests int            `json:"requests"`
	Failed   int            `json:"failed"`
	Broken   int            `json:"visits_broken_off"`
	By       map[string]int `json:"by"`            // requests by step
	Versions map[string]int `json:"versions_seen"` // answers by release
	SlowMS   int64          `json:"slowest_ms"`
	Failures []failure      `json:"failures"` // the first hundred
}

// failure is one request that did not go as it should.
type failure struct {
	At     time.Time `json:"at"`
	Step   string    `json:"step"`
	Reason string    `json:"reason"`
}

func newSummary() *summary {
	return &summary{By: map[string]int{}, Versions: map[string]int{}, Failures: []failure{}}
}

func (s *summary) note(a visitor.Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Requests++
	s.By[a.Step]++
	if a.Release != "" {
		s.Versions[a.Release]++
	}
	s.SlowMS = max(s.SlowMS, a.Took.Milliseconds())
	if a.Err == nil {
		return
	}
	s.Failed++
	if len(s.Failures) < 100 {
		s.Failures = append(s.Failures, failure{time.Now().UTC(), a.Step, a.Err.Error()})
	}
}

// brokenOff counts a visit that did not come to its end. Why is among the failures already.
func (s *summary) brokenOff() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Broken++
}

// JSON is the summary in one line.
func (s *summary) JSON() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, err := json.Marshal(s)
	if err != nil { // counts and texts have a JSON form
		return `{"error":"the summary cannot be written"}`
	}
	return string(body)
}
