package router

import (
	"net"
	"net/http"
	"sync"
	"sync/atomic"
)

// crowd counts the connections of one front, so that its closing can wait for them to
// end by themselves. Upgraded connections are no longer in it: their claims are.
type crowd struct {
	out   atomic.Bool // every answer asks its client to close
	mu    sync.Mutex
	count int
	empty chan struct{} // closed when the last one has left after leave
	left  bool
}

func newCrowd() *crowd { return &crowd{empty: make(chan struct{})} }

// note is the server's ConnState hook.
func (c *crowd) note(_ net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state {
	case http.StateNew:
		c.count++
	case http.StateClosed, http.StateHijacked:
		c.count--
		c.announce()
	}
}

// leave asks everybody to go, and returns what is closed when they have.
func (c *crowd) leave() <-chan struct{} {
	c.out.Store(true)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.announce()
	return c.empty
}

func (c *crowd) leaving() bool { return c.out.Load() }

func (c *crowd) announce() {
	if c.count == 0 && c.out.Load() && !c.left {
		c.left = true
		close(c.empty)
	}
}
