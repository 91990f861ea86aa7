package understudy

// Served is what the router counted of one release at one front door since its figures
// were last reset. Upgraded connections, event streams and other lasting answers count
// as requests, with the time to their first byte, but are not in flight.
type Served struct {
	Release  string  `json:"release"`
	Requests int64   `json:"requests"`
	Errors   int64   `json:"errors"` // answers of 500 and above, and requests that got none
	P50      float64 `json:"p50Seconds"`
	P99      float64 `json:"p99Seconds"`
	// Latency is how long the requests took, each bucket about 5 % wide; shortest first.
	Latency []Bucket `json:"latency,omitempty"`
	// InFlight is how many requests were being answered at once: the mean over Seconds.
	// Peak is the most there were at any moment of it.
	InFlight float64 `json:"inFlight"`
	Peak     int     `json:"peak"`
	Seconds  float64 `json:"seconds"` // since the reset
}

// Bucket is one bar of a histogram: how many took at most UpTo seconds, and longer than
// the bucket before says. Bars that nothing fell into are left out.
type Bucket struct {
	UpTo  float64 `json:"upToSeconds"`
	Count int64   `json:"count"`
}

// ErrorRate is the share of requests that failed; 0 of none.
func (s Served) ErrorRate() float64 {
	if s.Requests == 0 {
		return 0
	}
	return float64(s.Errors) / float64(s.Requests)
}
