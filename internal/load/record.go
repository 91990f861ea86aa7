package load

import (
	"sync"
	"time"
)

const (
	kept        = 10 * time.Minute // how far back figures reach
	keptSamples = 256              // failures kept in words
	page        = 4096             // answers to a page of the record
)

// answer is one request that has ended.
type answer struct {
	due      time.Duration // since the beginning, as scheduled
	latency  time.Duration // from due to the end of the answer
	lateness time.Duration // from due to the sending; what the generator itself adds
	label    uint32        // of its step, in names
	class    uint32        // of its failure, in names; 0: none
	first    bool          // of its journey: its lateness is the pacer's alone
}

// flight is a request under way.
type flight struct {
	label string
	due   time.Duration
}

// sample is a failure in words.
type sample struct {
	due         time.Duration
	class, text string
}

// record is what happened in the last ten minutes, exactly. Answers lie in pages, oldest
// first, in the order in which they ended; whole pages are forgotten.
type record struct {
	mu       sync.Mutex
	started  time.Time
	ended    time.Time
	pages    [][]answer
	arrivals []time.Duration
	drops    []time.Duration
	flights  map[*flight]struct{}
	samples  []sample
	names    []string
	numbers  map[string]uint32
}

// begin says that traffic begins, once.
func (r *record) begin(now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.started.IsZero() {
		return false
	}
	r.started, r.flights = now, map[*flight]struct{}{}
	r.names, r.numbers = []string{""}, map[string]uint32{"": 0}
	return true
}

func (r *record) end(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = now
}

func (r *record) arrive(due time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.arrivals = r.note(r.arrivals, due)
}

func (r *record) drop(due time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drops = r.note(r.drops, due)
}

// note appends a time, and forgets old ones once they are half of the list.
func (r *record) note(times []time.Duration, due time.Time) []time.Duration {
	at := due.Sub(r.started)
	if n := len(times); n >= page && times[n/2] < at-kept {
		times = append(times[:0], times[n/2:]...)
	}
	return append(times, at)
}

// send says that a request leaves.
func (r *record) send(label string, due time.Time) *flight {
	r.mu.Lock()
	defer r.mu.Unlock()
	f := &flight{label, due.Sub(r.started)}
	r.flights[f] = struct{}{}
	return f
}

// answered says that a request has ended, now, and returns that time.
func (r *record) answered(f *flight, lateness time.Duration, first bool, failed *failure) time.Time {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.flights, f)
	at := now.Sub(r.started)
	a := answer{due: f.due, latency: at - f.due, lateness: lateness, label: r.number(f.label), first: first}
	if failed != nil {
		a.class = r.number(failed.class)
		r.samples = append(r.samples, sample{f.due, failed.class, failed.sample})
		if len(r.samples) > 2*keptSamples {
			r.samples = append(r.samples[:0], r.samples[keptSamples:]...)
		}
	}
	r.append(a, at)
	return now
}

// number is how a name is written in an answer.
func (r *record) number(name string) uint32 {
	n, known := r.numbers[name]
	if !known {
		n = uint32(len(r.names))
		r.numbers[name], r.names = n, append(r.names, name)
	}
	return n
}

// append adds an answer, and forgets the oldest page when all of it ended too long ago.
func (r *record) append(a answer, now time.Duration) {
	last := len(r.pages) - 1
	if last < 0 || len(r.pages[last]) == page {
		r.pages, last = append(r.pages, make([]answer, 0, page)), last+1
	}
	r.pages[last] = append(r.pages[last], a)
	oldest := r.pages[0]
	if newest := oldest[len(oldest)-1]; last > 0 && newest.due+newest.latency < now-kept {
		r.pages = r.pages[1:]
	}
}
