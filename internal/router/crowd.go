package router

import (
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
)

// crowd counts the connections of one front, so that they stay within its limits and its
// closing can wait for them to end by themselves. Upgraded connections count for the
// limits only: what their closing waits for are their claims.
type crowd struct {
	out     atomic.Bool // every answer asks its client to close
	refused atomic.Int64

	mu    sync.Mutex
	all   int
	count int                // that are not upgraded
	by    map[netip.Addr]int // of those that count for a client
	idle  queue              // the longest idle first
	empty chan struct{}      // closed when the last one has left after leave
	left  bool
}

func newCrowd() *crowd { return &crowd{by: map[netip.Addr]int{}, empty: make(chan struct{})} }

// enter counts a connection in. Where the front is full, the one that has been idle the
// longest is closed for it: that is a client who would find out with its next request, and
// makes a new connection then. Where nobody is idle, the new one is refused.
func (c *crowd) enter(g *guest, most int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all >= most && !c.dismiss(netip.Addr{}) {
		c.refused.Add(1)
		return false
	}
	c.all++
	c.count++
	return true
}

// name counts a connection for its client, by the same rule among that client's own.
func (c *crowd) name(g *guest, client netip.Addr, most int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if most > 0 && c.by[client] >= most && !c.dismiss(client) {
		c.refused.Add(1)
		return false
	}
	g.client = client
	c.by[client]++
	return true
}

// makeRoom closes the connection that has been idle the longest, if any is.
func (c *crowd) makeRoom() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dismiss(netip.Addr{})
}

// dismiss closes the connection that has been idle the longest, of a client where one is named.
func (c *crowd) dismiss(client netip.Addr) bool {
	for g := c.idle.first; g != nil; g = g.next {
		if !client.IsValid() || g.client == client {
			c.forget(g)
			_ = g.Conn.Close() // its server notices
			return true
		}
	}
	return false
}

// note is the server's ConnState hook.
func (c *crowd) note(g *guest, state http.ConnState) {
	if g == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state {
	case http.StateIdle:
		if !g.idle && !g.gone {
			c.idle.push(g)
		}
	case http.StateActive:
		c.idle.take(g)
	case http.StateHijacked:
		c.idle.take(g)
		if !g.gone && !g.upgraded {
			g.upgraded = true
			c.count--
			c.announce()
		}
	}
}

// bye counts a connection out.
func (c *crowd) bye(g *guest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forget(g)
}

func (c *crowd) forget(g *guest) {
	c.idle.take(g)
	if g.gone {
		return
	}
	g.gone = true
	c.all--
	if !g.upgraded {
		c.count--
	}
	if g.client.IsValid() {
		if c.by[g.client]--; c.by[g.client] == 0 {
			delete(c.by, g.client)
		}
	}
	c.announce()
}

// size is how many connections there are, and how many of them wait for a request.
func (c *crowd) size() (all, idle int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all, c.idle.length
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

// queue holds guests through fields of their own: it changes twice with every request.
type queue struct {
	first, last *guest
	length      int
}

func (q *queue) push(g *guest) {
	g.idle, g.before, g.next = true, q.last, nil
	if q.last != nil {
		q.last.next = g
	} else {
		q.first = g
	}
	q.last = g
	q.length++
}

// take takes a guest out, where it is in.
func (q *queue) take(g *guest) {
	if !g.idle {
		return
	}
	if g.before != nil {
		g.before.next = g.next
	} else {
		q.first = g.next
	}
	if g.next != nil {
		g.next.before = g.before
	} else {
		q.last = g.before
	}
	g.idle, g.before, g.next = false, nil, nil
	q.length--
}
