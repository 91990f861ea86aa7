package router

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"understudy"
)

const (
	looksToFall = 3 // bad ones in a row, after which a target is given no new requests
	looksToRise = 2 // good ones in a row, after which it is again
	lookWithin  = 2 * time.Second
)

// health is what looks say of a target. It is taken for well before the first one.
type health struct {
	ill    bool
	since  time.Time // it is ill; zero: it is not
	looked bool
	run    int    // looks in a row that say the opposite
	reason string // of the last bad one, until it is well
}

// errNobody is what a look finds where nothing listens: of a target that was never seen,
// one is enough.
var errNobody = errors.New("nobody listens there")

// saw takes one look, nil for a good one, and tells whether it changed anything.
func (h *health) saw(result error, now time.Time) (changed bool) {
	bad := result != nil
	if bad {
		h.reason = result.Error()
	}
	needed := looksToFall
	switch {
	case !h.looked && errors.Is(result, errNobody):
		needed = 1
	case h.ill:
		needed = looksToRise
	}
	h.looked = true
	if bad == h.ill {
		h.run = 0
	} else if h.run++; h.run >= needed {
		h.ill, h.run, changed, h.since = bad, 0, true, time.Time{}
		if bad {
			h.since = now
		}
	}
	if !h.ill && !bad {
		h.reason = ""
	}
	return changed
}

// watch looks at a target until the context ends.
func (p *pool) watch(ctx context.Context, t *target) {
	look, end := newLook(t.address, p.Route)
	defer end()
	ticker := time.NewTicker(max(cmp.Or(p.Health.Interval, DefaultLook), time.Millisecond))
	defer ticker.Stop()
	for {
		result := look(ctx)
		if ctx.Err() != nil {
			return
		}
		p.mu.Lock()
		if t.health.saw(result, time.Now()) {
			p.refit()
		}
		p.mu.Unlock()
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// newLook makes what looks at an address as its route says, each time over a connection
// of its own, as a new customer would come.
func newLook(address string, r Route) (look func(context.Context) error, end func()) {
	at := placeOf(address)
	within := cmp.Or(r.Health.Timeout, lookWithin)
	if r.Health.Path == "" {
		return func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, within)
			defer cancel()
			conn, err := at.dial(ctx, "", "")
			if err != nil {
				return errNobody
			}
			return conn.Close()
		}, func() {}
	}
	transport := &http.Transport{DialContext: at.dial, DisableKeepAlives: true}
	if r.Protocol != understudy.ProtocolHTTP1 {
		transport = newMultiplex(at, r.Protocol).Transport
	}
	host := "127.0.0.1"
	if at.network == "tcp" {
		host = at.address
	}
	return func(ctx context.Context) error { return askHealth(ctx, transport, within, host, r.Health.Path) }, transport.CloseIdleConnections
}

func askHealth(ctx context.Context, by http.RoundTripper, within time.Duration, host, path string) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+host+path, nil)
	if err != nil {
		return err
	}
	answer, err := by.RoundTrip(r)
	switch {
	case refused(err):
		return fmt.Errorf("GET %s: %w", path, errNobody)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("GET %s: no answer within %s", path, within)
	case err != nil:
		return fmt.Errorf("GET %s: %s", path, strings.ReplaceAll(err.Error(), "\n", " "))
	}
	_, err = io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<20))
	if err = errors.Join(err, answer.Body.Close()); err != nil {
		return fmt.Errorf("GET %s: its answer broke off", path)
	}
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return fmt.Errorf("GET %s answered %s", path, answer.Status)
	}
	return nil
}
