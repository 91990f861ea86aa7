package router

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/netip"
	"sync/atomic"
	"time"
)

// guest is one connection to a front.
type guest struct {
	net.Conn
	crowd *crowd
	told  net.Addr      // the client, as a balancer told it; nil: the peer is the client
	early *bufio.Reader // what was read behind a PROXY header; nil: nothing was

	requests atomic.Int64
	resets   resets

	// Guarded by the crowd's lock.
	client       netip.Addr // whom it counts for; invalid: for nobody
	idle         bool       // it waits for a request, between these
	before, next *guest
	upgraded     bool
	gone         bool
}

// RemoteAddr is the client's address.
func (g *guest) RemoteAddr() net.Addr {
	if g.told != nil {
		return g.told
	}
	return g.Conn.RemoteAddr()
}

func (g *guest) Read(p []byte) (int, error) {
	if g.early != nil && g.early.Buffered() > 0 {
		return g.early.Read(p)
	}
	return g.Conn.Read(p)
}

// ReadFrom lets an upgraded connection be fed by the kernel.
func (g *guest) ReadFrom(r io.Reader) (int64, error) { return io.Copy(g.Conn, r) }

// CloseWrite lets the server say that it has said all.
func (g *guest) CloseWrite() error {
	if half, can := g.Conn.(interface{ CloseWrite() error }); can {
		return half.CloseWrite()
	}
	return nil
}

// Close counts it out.
func (g *guest) Close() error {
	g.crowd.bye(g)
	return g.Conn.Close()
}

type guestKey struct{}

// known is the server's ConnContext hook.
func known(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, guestKey{}, guestOf(c))
}

func guestOf(c net.Conn) *guest {
	if secured, is := c.(*tls.Conn); is {
		c = secured.NetConn()
	}
	g, _ := c.(*guest)
	return g
}

func guestIn(ctx context.Context) *guest {
	g, _ := ctx.Value(guestKey{}).(*guest)
	return g
}

// Requests that an HTTP/2 client takes back before they are answered cost it nothing and
// the application much. A client that changes its mind this often loses its connection.
const (
	resetsWithin = 10 * time.Second
	resetsAtMost = 200
)

// resets counts the requests of a connection that were taken back.
type resets struct {
	since atomic.Int64 // in nanoseconds
	count atomic.Int64
}

// tooMany counts one more.
func (r *resets) tooMany(now time.Time) bool {
	if since := r.since.Load(); now.UnixNano()-since > int64(resetsWithin) && r.since.CompareAndSwap(since, now.UnixNano()) {
		r.count.Store(0)
	}
	return r.count.Add(1) > resetsAtMost
}

// lingerOver says that a connection is refused. A client that has sent its request already
// is read from for a moment, or it would see a reset in place of what is said.
func lingerOver(conn net.Conn, sentence string) {
	_ = conn.SetDeadline(time.Now().Add(refusedFor)) // a connection that is gone needs no more
	_, err := io.WriteString(conn, sentence)
	if half, can := conn.(interface{ CloseWrite() error }); can && err == nil && half.CloseWrite() == nil {
		_, _ = io.Copy(io.Discard, io.LimitReader(conn, 64<<10))
	}
	_ = conn.Close()
}

const (
	refusedFor    = 500 * time.Millisecond
	refusedAtOnce = 64 // more than these are closed without a word
)

// full is what is said to a connection beyond a limit.
func full() string {
	const body = "too many connections; try again in a moment\n"
	return "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nRetry-After: 5\r\nCache-Control: no-store\r\n" +
		"Connection: close\r\nContent-Length: 44\r\n\r\n" + body
}
