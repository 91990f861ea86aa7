package process

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"sync"

	"understudy"
)

// turn is whether a program may run. Programs of two deployments that must not run at once
// take turns: one is held, and once it has ended the other is let.
type turn struct {
	mu      sync.Mutex
	held    bool
	changed chan struct{}      // closed at each change, and made anew
	end     context.CancelFunc // of the turn that lasts; nil: none does
}

func newTurn(held bool) *turn { return &turn{held: held, changed: make(chan struct{})} }

// take waits until the program may run and gives the context of its turn, nil when ctx has
// ended. Whoever takes it says when it is over. waits is called where it has to wait, with
// the lock held.
func (t *turn) take(ctx context.Context, waits func()) (its context.Context, over func()) {
	for {
		t.mu.Lock()
		held, changed := t.held, t.changed
		if !held && ctx.Err() == nil {
			its, t.end = context.WithCancel(ctx)
			t.mu.Unlock()
			return its, t.over
		}
		if ctx.Err() == nil {
			waits()
		}
		t.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, nil
		}
	}
}

func (t *turn) over() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.end()
	t.end = nil
	t.announce()
}

// announce wakes whoever waits for a change. The lock is held.
func (t *turn) announce() {
	close(t.changed)
	t.changed = make(chan struct{})
}

// set holds a program or lets it, and tells whether that is a change. then is called where
// it is one, with the lock held.
func (t *turn) set(held bool, then func()) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.held == held {
		return false
	}
	t.held = held
	if held && t.end != nil {
		t.end()
	}
	then()
	t.announce()
	return true
}

// rest returns when the program does not run, or ctx ends.
func (t *turn) rest(ctx context.Context) {
	for {
		t.mu.Lock()
		lasts, changed := t.end != nil, t.changed
		t.mu.Unlock()
		if !lasts {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

func (c *control) serveHold(w http.ResponseWriter, r *http.Request) {
	moved, named := c.turns(r, true)
	for _, p := range named {
		p.turn.rest(r.Context())
	}
	c.replyMoved(w, moved)
}

func (c *control) serveLet(w http.ResponseWriter, r *http.Request) {
	moved, _ := c.turns(r, false)
	c.replyMoved(w, moved)
}

// turns holds or lets the programs that a request names and the deployment has.
func (c *control) turns(r *http.Request, held bool) (moved []string, named []*program) {
	select {
	case <-c.taken:
	case <-r.Context().Done():
		return nil, nil
	}
	for _, p := range c.programs {
		if !slices.Contains(r.URL.Query()["program"], p.Name) {
			continue
		}
		named = append(named, p)
		if p.turn.set(held, func() {
			if !held { // from now on Ready waits for it
				p.change(func() { p.become(StateStarting) })
			}
		}) {
			moved = append(moved, p.Name)
		}
	}
	return moved, named
}

func (c *control) replyMoved(w http.ResponseWriter, moved []string) {
	encode(w, answer{Moved: moved, Error: portable(c.takenErr)})
}

// Hold ends programs of a deployment and keeps them from being started until Let. It returns
// when they do not run, with those that it had to hold. A name that the deployment does not
// have is no error.
func (r *Runtime) Hold(ctx context.Context, id string, programs []string) ([]string, error) {
	return r.taking(ctx, id, "/hold", programs)
}

// Let starts programs that were held. Ready tells how that went.
func (r *Runtime) Let(ctx context.Context, id string, programs []string) ([]string, error) {
	return r.taking(ctx, id, "/let", programs)
}

func (r *Runtime) taking(ctx context.Context, id, path string, programs []string) ([]string, error) {
	if err := checkID(id); err != nil {
		return nil, err
	}
	a, err := r.answerTo(ctx, id, "POST", path+"?"+url.Values{"program": programs}.Encode())
	if isSilence(err) {
		err = r.explainSilence(ctx, id, err)
	}
	if err != nil && ctx.Err() != nil {
		err = understudy.Errorf(understudy.KindUnavailable, "waiting for programs of deployment %s: %w", id, ctx.Err())
	}
	return a.Moved, err
}
