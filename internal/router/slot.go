package router

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"
)

// slot is a deployment behind a front. All but figures is guarded by the front's lock.
type slot struct {
	Slot
	targets []*target // in the order in which they are tried; replaced whole
	claims  map[*claim]struct{}
	leaving *leaving // a drain that waits; nil: none does
	figures *figures
}

// claim is one request that a slot answers. Cancel and answer are there from the
// beginning, slot and target when it was given them; the front's lock guards the rest.
type claim struct {
	cancel  context.CancelCauseFunc
	answer  *http.ResponseController
	slot    *slot
	target  *target // nil where no route matches
	foreign bool    // no route has the host
	lasting bool    // upgraded, or an event stream: ends when its client wishes
	wasCut  bool
}

// leaving is what a drain waits for.
type leaving struct {
	empty   chan struct{} // closed when the last claim is given back
	revived chan struct{} // closed when the slot was given a share again
}

// errCut is why the context of a request ends that a drain cut short.
var errCut = errors.New("cut short by the drain of its deployment")

func newSlot(s Slot, shared *shared) *slot {
	made := &slot{Slot: s, claims: map[*claim]struct{}{}, figures: newFigures()}
	made.targets = newTargets(s.Routes, shared)
	return made
}

// target is where a path of a host goes; nil where no route matches.
func (s *slot) target(host, path string) *target {
	for _, t := range s.targets {
		if meets(t.host, host) && matches(t.prefix, path) {
			return t
		}
	}
	return nil
}

// knows tells whether any route has the host.
func (s *slot) knows(host string) bool {
	return slices.ContainsFunc(s.targets, func(t *target) bool { return meets(t.host, host) })
}

func matches(prefix, path string) bool {
	bare := strings.TrimRight(prefix, "/")
	return strings.HasPrefix(path, bare) && (len(path) == len(bare) || bare == "" || path[len(bare)] == '/')
}

// counts tells how many claims are running and how many are lasting.
func (s *slot) counts() (running, lasting int) {
	for c := range s.claims {
		if c.lasting {
			lasting++
		} else {
			running++
		}
	}
	return running, lasting
}

// refusedFor is how long some target has refused every connection.
func (s *slot) refusedFor(now time.Time) time.Duration {
	var worst time.Duration
	for _, t := range s.targets {
		if since := t.refusedSince.Load(); since != nil {
			worst = max(worst, now.Sub(*since))
		}
	}
	return worst
}

// cut ends a request now, whatever it waits for: the target, or a client that does not
// read or write. The front's lock is held, so its handler has not returned.
func (c *claim) cut() {
	c.wasCut = true
	c.cancel(errCut)
	// A connection without deadlines ends by its context alone.
	end := time.Now().Add(lastWords)
	_ = c.answer.SetReadDeadline(end)
	_ = c.answer.SetWriteDeadline(end)
}

func newTargets(routes []Route, shared *shared) []*target {
	targets := make([]*target, 0, len(routes))
	for _, r := range routes {
		targets = append(targets, newTarget(r, shared))
	}
	slices.SortStableFunc(targets, func(a, b *target) int {
		return cmp.Or(rank(a.host)-rank(b.host), len(b.host)-len(a.host), len(b.prefix)-len(a.prefix))
	})
	return targets
}
