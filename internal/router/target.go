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

// counts are what became of requests since the beginning.
func (t *target) counts() counts {
	return counts{begun: t.begun.Load(), answered: t.answered.Load(), broken: t.broken.Load(), faults: t.faults.Load()}
}
