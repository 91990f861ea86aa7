package follow

import (
	"context"
	"sync"
)

// gate lets the follower work on the twin, or keeps it out: whoever has paused it may be
// sure that no session of the follower is on the twin's database.
//
//	open, nobody inside ⇄ open, inside
//	   │ pause ▲ resume      │ pause: asked, still inside ── leave ─┐
//	   ▼       │             ▼                                      │
//	 shut, nobody inside ◄─────────────────────────────────────────-┘
type gate struct {
	mu     sync.Mutex
	pauses int
	inside bool
	asked  chan struct{} // closed while somebody wants the follower out
	moved  chan struct{} // closed, and replaced, whenever something changes
}

func newGate() *gate { return &gate{asked: make(chan struct{}), moved: make(chan struct{})} }

func (g *gate) changed() {
	close(g.moved)
	g.moved = make(chan struct{})
}

// enter waits until nobody wants the follower out.
func (g *gate) enter(ctx context.Context) error {
	for {
		g.mu.Lock()
		if g.pauses == 0 {
			g.inside = true
			g.mu.Unlock()
			return nil
		}
		moved := g.moved
		g.mu.Unlock()
		select {
		case <-moved:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// leave says that no session is left.
func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside = false
	g.changed()
}

// wanted is closed while somebody wants the follower out.
func (g *gate) wanted() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.asked
}

func (g *gate) shut() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.pauses > 0
}

// pause waits until nobody is inside. When ctx ends before, it is as if it had not been called.
func (g *gate) pause(ctx context.Context) error {
	g.mu.Lock()
	g.pauses++
	if g.pauses == 1 {
		close(g.asked)
		g.changed()
	}
	for g.inside {
		moved := g.moved
		g.mu.Unlock()
		select {
		case <-moved:
		case <-ctx.Done():
			g.resume()
			return context.Cause(ctx)
		}
		g.mu.Lock()
	}
	g.mu.Unlock()
	return nil
}

// resume takes one pause back.
func (g *gate) resume() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.pauses == 0 {
		return
	}
	if g.pauses--; g.pauses == 0 {
		g.asked = make(chan struct{})
		g.changed()
	}
}
