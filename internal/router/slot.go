package router

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"understudy"
)

// slot is a deployment behind a front. All but figures is guarded by the front's lock.
type slot struct {
	Slot
	pools   []*pool // in the order in which they are tried; replaced whole
	claims  map[*claim]struct{}
	leaving *leaving // a drain that waits; nil: none does
	busy    busy     // without those of testers
	aside   int      // claims of testers
	figures *figures
}

// claim is one request that a slot answers. Cancel and answer are there from the
// beginning, slot and target when it was given them; the front's lock guards the rest.
type claim struct {
	cancel  context.CancelCauseFunc
	answer  *http.ResponseController
	slot    *slot
	pool    *pool // nil where no route matches
	foreign bool  // no route has the host
	aside   bool  // of a tester, who says nothing of how a release fares
	lasting bool  // upgraded, or an event stream: ends when its client wishes
	wasCut  bool
}

// leaving is what a drain waits for.
type leaving struct {
	empty   chan struct{} // closed when the last claim is given back
	revived chan struct{} // closed when the slot was given a share again
}

// errCut is why the context of a request ends that a drain cut short.
var errCut = errors.New("cut short by the drain of its deployment")

func newSlot(s Slot, front string, shared *shared) *slot {
	made := &slot{Slot: s, claims: map[*claim]struct{}{}, busy: newBusy(time.Now()), figures: newFigures()}
	made.pools = newPools(s, front, shared)
	return made
}

// pool is where a path of a host goes; nil where no route matches.
func (s *slot) pool(host, path string) *pool {
	for _, p := range s.pools {
		if meets(p.Host, host) && matches(p.Prefix, path) {
			return p
		}
	}
	return nil
}

// knows tells whether any route has the host.
func (s *slot) knows(host string) bool {
	return slices.ContainsFunc(s.pools, func(p *pool) bool { return meets(p.Host, host) })
}

func matches(prefix, path string) bool {
	bare := strings.TrimRight(prefix, "/")
	return strings.HasPrefix(path, bare) && (len(path) == len(bare) || bare == "" || path[len(bare)] == '/')
}

// served is what the release did since the last reset.
func (s *slot) served(now time.Time) understudy.Served {
	served := s.figures.served(s.Release)
	served.InFlight, served.Peak, served.Seconds = s.busy.mean(now), s.busy.peak, now.Sub(s.busy.since).Seconds()
	return served
}

// refusedFor is how long some target has refused every connection.
func (s *slot) refusedFor(now time.Time) time.Duration {
	var worst time.Duration
	for _, p := range s.pools {
		for _, t := range p.targets {
			if since := t.refusedSince.Load(); since != nil {
				worst = max(worst, now.Sub(*since))
			}
		}
	}
	return worst
}

// states are the slot's addresses as they are now, in the order of its routes.
func (s *slot) states() (out []TargetState) {
	for i, route := range s.Routes {
		for _, p := range s.pools {
			if p.equal(route) {
				out = append(out, p.states(i)...)
			}
		}
	}
	return out
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

// retries are those of all routes, since they were added.
func (s *slot) retries() (sum Retries) {
	for _, p := range s.pools {
		sum.Refused += p.retried[0].Load()
		sum.Reset += p.retried[1].Load()
		sum.Denied += p.denied.Load()
	}
	return sum
}

func newPools(s Slot, front string, shared *shared) []*pool {
	pools := make([]*pool, 0, len(s.Routes))
	for _, r := range s.Routes {
		p := newPool(r, front, s.Release, shared)
		p.unfit = Problem{Front: front, Deployment: s.Deployment, about: matter("the health of " + r.Host + r.Prefix)}
		pools = append(pools, p)
	}
	slices.SortStableFunc(pools, func(a, b *pool) int {
		return cmp.Or(rank(a.Host)-rank(b.Host), len(b.Host)-len(a.Host), len(b.Prefix)-len(a.Prefix))
	})
	return pools
}
