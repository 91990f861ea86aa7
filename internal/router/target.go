package router

import (
	"net/http"
	"sync/atomic"
	"time"

	"understudy"
)

// carrier takes requests to one target. It never sends one twice, and never answers
// with an error after a byte of the answer was passed on.
type carrier interface {
	http.RoundTripper
	CloseIdleConnections()
	sweep(now time.Time) // closes what has been idle for too long
	retire()             // keeps nothing any more
}

// target is one address of a route, with the connections kept to it and what became of
// the requests that were sent there.
type target struct {
	address string
	carrier carrier
	running atomic.Int64 // requests under way
	waiting atomic.Int64 // of these, those that have come whole and got nothing yet

	begun, answered, faults, broken atomic.Int64              // requests that have come whole; answers; no answers; answers of 500 and above
	streak                          atomic.Int64              // faults in a row
	refusedSince                    atomic.Pointer[time.Time] // the first of the refusals in a row; nil: it answers

	// The pool's lock guards the rest.
	health  health
	ejected ejection
	seen    history
}

func newTarget(address string, protocol understudy.Protocol) *target {
	at := placeOf(address)
	t := &target{address: address}
	if protocol == understudy.ProtocolHTTP1 {
		t.carrier = &wires{dial: at.dial}
	} else {
		t.carrier = newMultiplex(at, protocol)
	}
	t.seen.add(counts{})
	return t
}

// begin notes a request that has come whole, and waits for its answer.
func (t *target) begin() {
	t.begun.Add(1)
	t.waiting.Add(1)
}

// noteAnswer remembers the head of an answer.
func (t *target) noteAnswer(status int) {
	t.answered.Add(1)
	if status >= http.StatusInternalServerError {
		t.broken.Add(1)
	}
	if t.streak.Load() != 0 {
		t.streak.Store(0)
	}
	if t.refusedSince.Load() != nil {
		t.refusedSince.Store(nil)
	}
}

// noteFault remembers a request that got no answer, or half of one, by no fault of its
// client, and tells how many there were in a row.
func (t *target) noteFault(err error) int64 {
	if refused(err) {
		now := time.Now()
		t.refusedSince.CompareAndSwap(nil, &now)
	}
	t.faults.Add(1)
	return t.streak.Add(1)
}

// waiting is what one try of a request waits for. Its body may be read by one goroutine
// while another takes the answer's head, in any order.
type waiting struct{ state atomic.Uint32 }

const (
	isWhole   = 1 << iota // all of the request has come
	isSettled             // the answer has begun, or there will be none
)

// come notes that all of the request is here, and tells whether now an answer is waited for.
func (w *waiting) come() bool { return w.state.Or(isWhole) == 0 }

// move begins another try, and tells whether an answer is waited for.
func (w *waiting) move() bool { return w.state.And(isWhole)&isWhole != 0 }

// end notes that nothing more is waited for, and tells whether an answer was.
func (w *waiting) end() bool { return w.state.Or(isSettled) == isWhole }

// counts are what became of requests since the beginning.
func (t *target) counts() counts {
	return counts{begun: t.begun.Load(), answered: t.answered.Load(), broken: t.broken.Load(), faults: t.faults.Load()}
}
