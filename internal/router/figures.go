package router

import (
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"understudy"
)

// longest is the longest time that figures tell apart; longer ones count as it.
const longest = time.Hour

// figures counts what one slot did with its requests: since the last reset, for
// comparing releases, and since it was added, for metrics.
type figures struct {
	mu     sync.Mutex
	since  tally
	before tally
}

// tally is one set of counts. Classes are answers by the first digit of their status;
// class 0 got none.
type tally struct {
	requests, errors int64
	classes          [6]int64
	seconds          float64
	times            *hdrhistogram.Histogram // microseconds
}

func newFigures() *figures { return &figures{since: newTally(), before: newTally()} }

// One significant figure makes buckets 1/32 to 1/16 wide of the value.
func newTally() tally {
	return tally{times: hdrhistogram.New(1, longest.Microseconds(), 1)}
}

// count adds one request. A status of 0 means that it got no answer.
func (f *figures) count(status int, failed bool, took time.Duration) {
	class := status / 100
	if class < 0 || class > 5 {
		class = 0
	}
	micros := min(max(took.Microseconds(), 1), longest.Microseconds())
	f.mu.Lock()
	defer f.mu.Unlock()
	f.since.requests++
	f.since.classes[class]++
	f.since.seconds += took.Seconds()
	if failed {
		f.since.errors++
	}
	_ = f.since.times.RecordValue(micros) // within the histogram's range by construction
}

// served tells what was counted since the last reset.
func (f *figures) served(release string) understudy.Served {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := understudy.Served{Release: release, Requests: f.since.requests, Errors: f.since.errors}
	if s.Requests > 0 {
		s.P50 = float64(f.since.times.ValueAtQuantile(50)) / 1e6
		s.P99 = float64(f.since.times.ValueAtQuantile(99)) / 1e6
		s.Latency = f.since.latency()
	}
	return s
}

// latency is the histogram, without the bars that nothing fell into.
func (t tally) latency() (out []understudy.Bucket) {
	for _, bar := range t.times.Distribution() {
		if bar.Count > 0 {
			out = append(out, understudy.Bucket{UpTo: float64(bar.To) / 1e6, Count: bar.Count})
		}
	}
	return out
}

// reset starts counting anew; the sum since the beginning goes on.
func (f *figures) reset() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.before = f.sum()
	f.since = newTally()
}

// total is everything since the slot was added.
func (f *figures) total() tally {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.sum()
}

func (f *figures) sum() tally {
	out := newTally()
	for _, t := range []tally{f.before, f.since} {
		out.requests += t.requests
		out.errors += t.errors
		out.seconds += t.seconds
		for class, n := range t.classes {
			out.classes[class] += n
		}
		out.times.Merge(t.times)
	}
	return out
}
