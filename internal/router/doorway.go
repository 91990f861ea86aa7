package router

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"understudy"
)

// doorway takes the connections of one listener of a front: it counts them, reads what a
// balancer says of them, closes TLS around them, and hands them to a server. What waits
// for a client does so beside, never in the way of the next connection.
type doorway struct {
	front   *front
	handler http.Handler
	plain   bool // no TLS, even where the front speaks it

	greeting sync.WaitGroup // connections on their way to a server
	serving  sync.WaitGroup // halls
	refusing atomic.Int64

	mu     sync.Mutex
	halls  []*hall // one for each of the limits there ever were; that of now takes new connections
	closed bool
}

// hall is a server with its limits, which cannot change while it runs: where a front is
// given others, the next connection finds another hall.
type hall struct {
	server *http.Server
	limits understudy.Limits
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// Accept is for the hall's server.
func (h *hall) Accept() (net.Conn, error) {
	select {
	case conn := <-h.conns:
		return conn, nil
	case <-h.closed:
		return nil, net.ErrClosed
	}
}

// Close ends the taking of connections.
func (h *hall) Close() error {
	h.once.Do(func() { close(h.closed) })
	return nil
}

// Addr is asked by nobody.
func (h *hall) Addr() net.Addr { return &net.TCPAddr{} }

// run takes connections until the listener is closed, and returns when the servers take no
// more. An error means that it was not closed by us.
func (d *doorway) run(listener net.Listener) error {
	err := d.accept(listener)
	d.greeting.Wait()
	d.mu.Lock()
	d.closed = true
	halls := d.halls
	d.mu.Unlock()
	for _, h := range halls {
		_ = h.Close() // cannot fail
	}
	d.serving.Wait()
	return notClosed(err)
}

// acceptAgain is the longest pause after a connection could not be taken, as when the
// process has no descriptors left.
const acceptAgain = time.Second

func (d *doorway) accept(listener net.Listener) error {
	pause := time.Duration(0)
	for {
		conn, err := listener.Accept()
		var passing interface{ Temporary() bool }
		switch {
		case err == nil:
			pause = 0
			d.welcome(conn)
		case errors.As(err, &passing) && passing.Temporary() && !errors.Is(err, net.ErrClosed):
			pause = min(max(2*pause, 5*time.Millisecond), acceptAgain)
			d.front.shared.log.Warn("a connection could not be taken", "front", d.front.settings.Load().name, "cause", err.Error())
			d.front.crowd.makeRoom()
			time.Sleep(pause)
		default:
			return err
		}
	}
}

// welcome lets a connection in, unless the front is full.
func (d *doorway) welcome(conn net.Conn) {
	s, g := d.front.settings.Load(), &guest{Conn: conn, crowd: d.front.crowd}
	if !g.crowd.enter(g, d.front.shared.room(s.limits.Connections)) {
		d.refuse(conn)
		return
	}
	peer := addressOf(conn.RemoteAddr())
	if !within(s.proxies, peer) {
		d.admit(g, s)
		return
	}
	d.greeting.Go(func() {
		if err := g.hear(s.limits.HeaderTime); err != nil {
			d.front.shared.log.Debug("a balancer's connection was closed", "front", s.name, "peer", peer.String(), "cause", err.Error())
			_ = g.Close() // it is of no use
			return
		}
		d.admit(g, s)
	})
}

// hear reads what a balancer says of its client.
func (g *guest) hear(limit time.Duration) error {
	if err := g.SetReadDeadline(time.Now().Add(limit)); err != nil {
		return err
	}
	g.early = bufio.NewReaderSize(g.Conn, 512)
	client, err := readProxyHeader(g.early)
	if err != nil {
		return err
	}
	if client.IsValid() {
		g.told = net.TCPAddrFromAddrPort(client)
	}
	return g.SetReadDeadline(time.Time{})
}

// admit hands a connection to a server, unless its client has too many.
func (d *doorway) admit(g *guest, s *settings) {
	client := addressOf(g.RemoteAddr())
	if s.counts(client) && !g.crowd.name(g, counted(client), s.limits.PerClient) {
		g.crowd.bye(g)
		d.refuse(g.Conn)
		return
	}
	conn := net.Conn(g)
	if config := d.secured(); config != nil {
		conn = tls.Server(g, config)
	}
	if h := d.hall(s.limits); h == nil || !h.take(conn) {
		_ = g.Close() // the front has closed meanwhile
	}
}

func (h *hall) take(conn net.Conn) bool {
	select {
	case h.conns <- conn:
		return true
	case <-h.closed:
		return false
	}
}

// refuse says in HTTP that there are too many. Over TLS nothing is said: it would cost a
// handshake, which is what a flood is after.
func (d *doorway) refuse(conn net.Conn) {
	if d.secured() != nil || !d.mayLinger() {
		_ = conn.Close() // it was never served
		return
	}
	d.greeting.Go(func() {
		defer d.refusing.Add(-1)
		lingerOver(conn, full())
	})
}

// mayLinger takes one of the few places of those who are told why they are refused.
func (d *doorway) mayLinger() bool {
	if d.refusing.Add(1) <= refusedAtOnce {
		return true
	}
	d.refusing.Add(-1)
	return false
}

// secured is how TLS is spoken; nil, where it is not.
func (d *doorway) secured() *tls.Config {
	if keys := d.front.keys.Load(); keys != nil && !d.plain {
		return (*keys).config()
	}
	return nil
}

// hall is the server for these limits, which is made where there is none; nil once the
// doorway has closed.
func (d *doorway) hall(limits understudy.Limits) *hall {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil
	}
	for _, h := range d.halls {
		if sameServer(h.limits, limits) {
			return h
		}
	}
	h := &hall{limits: limits, conns: make(chan net.Conn), closed: make(chan struct{}), server: d.newServer(limits)}
	d.halls = append(d.halls, h)
	d.serving.Go(func() {
		if err := h.server.Serve(h); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			d.front.shared.log.Error("a server has ended", "front", d.front.settings.Load().name, "cause", err.Error())
		}
	})
	return h
}

func sameServer(a, b understudy.Limits) bool {
	return a.Header == b.Header && a.HeaderTime == b.HeaderTime && a.Stall == b.Stall && a.Streams == b.Streams
}

// newServer serves HTTP/1.1, and HTTP/2 to clients that begin with it or agree on it.
func (d *doorway) newServer(limits understudy.Limits) *http.Server {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(!d.plain)
	protocols.SetUnencryptedHTTP2(!d.plain)
	return &http.Server{
		Handler:           d.handler,
		Protocols:         &protocols,
		ReadHeaderTimeout: limits.HeaderTime,
		MaxHeaderBytes:    int(limits.Header),
		IdleTimeout:       idleAtMost,
		ConnContext:       known,
		ConnState:         func(c net.Conn, state http.ConnState) { d.front.crowd.note(guestOf(c), state) },
		HTTP2: &http.HTTP2Config{WriteByteTimeout: limits.Stall, MaxConcurrentStreams: limits.Streams,
			SendPingTimeout: limits.Stall, PingTimeout: limits.Stall / 4},
		ErrorLog: slog.NewLogLogger(d.front.shared.log.Handler(), slog.LevelDebug),
	}
}

// shutdown waits until no server has a request, and closes what is left when ctx ends.
func (d *doorway) shutdown(ctx context.Context) error {
	d.mu.Lock()
	halls := d.halls
	d.mu.Unlock()
	var failed error
	for _, h := range halls {
		failed = errors.Join(failed, notClosed(h.server.Shutdown(ctx)))
	}
	return failed
}

// end closes every connection of the servers.
func (d *doorway) end() error {
	d.mu.Lock()
	halls := d.halls
	d.mu.Unlock()
	var failed error
	for _, h := range halls {
		failed = errors.Join(failed, notClosed(h.server.Close()))
	}
	return failed
}

// room is how many connections fit: a quarter of what the process may have open is left for
// those to the application.
func (s *shared) room(limit int) int {
	if s.descriptors == 0 {
		return limit
	}
	return min(limit, s.descriptors/4*3)
}

// counted is what a client's connections are counted under. Whoever has one address of
// version 6 has the 64 bits behind it.
func counted(client netip.Addr) netip.Addr {
	if client.Is4() {
		return client
	}
	return netip.PrefixFrom(client, 64).Masked().Addr()
}

// addressOf is the address behind a connection's end; invalid, where it has none.
func addressOf(at net.Addr) netip.Addr {
	if tcp, is := at.(*net.TCPAddr); is {
		return tcp.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}
