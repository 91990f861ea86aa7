package router

import (
	"context"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// idleFor is shorter than what common servers allow (gunicorn 2 s, Node 5 s), so that
// it is we who close an idle connection, and no request meets one that is closing.
const idleFor = 1500 * time.Millisecond

// place is where a target listens.
type place struct{ network, address string }

func placeOf(address string) place {
	network, at, _ := splitAddress(address) // validated with the record
	return place{network, at}
}

func (p place) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	return (&net.Dialer{Timeout: dialWithin}).DialContext(ctx, p.network, p.address)
}

// wires carries requests to one target over HTTP/1.1, and keeps its connections for
// reuse.
type wires struct {
	dial  func(ctx context.Context, network, address string) (net.Conn, error)
	mu    sync.Mutex
	idle  []*wire // longest idle first
	ended bool    // nothing is kept any more
}

// RoundTrip sends a request once. A kept connection that the target has closed meanwhile
// is not used.
func (p *wires) RoundTrip(r *http.Request) (*http.Response, error) {
	whole, err := gather(r)
	if err != nil {
		return nil, err
	}
	for {
		w := p.take()
		if w == nil {
			break
		}
		if time.Since(w.idleSince) < idleFor && w.quiet() {
			return w.ask(r, whole, p.keep)
		}
		w.close()
	}
	conn, err := p.dial(r.Context(), "", "")
	if err != nil {
		return nil, err
	}
	return newWire(conn).ask(r, whole, p.keep)
}

func (p *wires) take() *wire {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) == 0 {
		return nil
	}
	last := len(p.idle) - 1
	w := p.idle[last]
	p.idle[last], p.idle = nil, p.idle[:last]
	return w
}

func (p *wires) keep(w *wire) {
	w.idleSince = time.Now()
	p.mu.Lock()
	kept := !p.ended && len(p.idle) < wiresAtMost
	if kept {
		p.idle = append(p.idle, w)
	}
	p.mu.Unlock()
	if !kept {
		w.close()
	}
}

// sweep closes what has been idle for too long.
func (p *wires) sweep(now time.Time) {
	p.mu.Lock()
	old := 0
	for old < len(p.idle) && now.Sub(p.idle[old].idleSince) >= idleFor {
		old++
	}
	gone := slices.Clone(p.idle[:old])
	p.idle = slices.Delete(p.idle, 0, old)
	p.mu.Unlock()
	for _, w := range gone {
		w.close()
	}
}

// CloseIdleConnections closes what no request uses.
func (p *wires) CloseIdleConnections() { p.sweep(time.Now().Add(idleFor)) }

// retire closes what no request uses, and the rest once its request has ended.
func (p *wires) retire() {
	p.mu.Lock()
	p.ended = true
	p.mu.Unlock()
	p.CloseIdleConnections()
}
