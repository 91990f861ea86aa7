package seal

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"sync"

	"understudy"
)

// Inside is a closed seal, seen from within. It lives in the process that called
// Enter, until Close.
type Inside struct {
	env    []string
	ledger *ledger
	ctx    context.Context // ends when Close begins
	cancel context.CancelFunc
	group  sync.WaitGroup

	mu      sync.Mutex
	closers []func() error
	errs    []error
	once    sync.Once
	closed  error
}

// Env is the environment that makes programs trust the twin's certificate authority.
func (i *Inside) Env() []string { return slices.Clone(i.env) }

// Close stops every listener and forward and waits for what runs. It returns what went
// wrong since Enter. Programs should be gone by then: their calls are refused from now.
func (i *Inside) Close() error {
	i.once.Do(func() { i.closed = i.close() })
	return i.closed
}

func (i *Inside) close() error {
	i.cancel()
	i.mu.Lock()
	closers := i.closers
	i.mu.Unlock()
	var errs []error
	for _, closer := range closers {
		if err := closer(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	i.group.Wait()
	return errors.Join(append(append(errs, i.errs...), i.ledger.close())...)
}

// open starts everything a seal consists of, in a network that is local already. What
// was opened before an error is closed again.
func open(ctx context.Context, spec Spec) (*Inside, error) {
	places, err := spec.places()
	if err != nil {
		return nil, err
	}
	authority, err := openAuthority(ctx, spec.CA)
	if err != nil {
		return nil, err
	}
	ledger, err := openLedger(spec.Captures)
	if err != nil {
		return nil, err
	}
	i := &Inside{env: trust(spec.CA), ledger: ledger}
	i.ctx, i.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if err := i.openAll(spec, places, authority); err != nil {
		return nil, errors.Join(err, i.Close())
	}
	return i, nil
}

func (i *Inside) openAll(spec Spec, places []place, authority *authority) error {
	names := newNames(i.ledger)
	kept := spec.kept()
	if err := i.openNames(names, kept); err != nil {
		return err
	}
	for _, f := range append(slices.Clone(spec.Forwards), spec.Publish...) {
		listener, err := f.listen()
		if err != nil {
			return describe("forward", f.Listen, err)
		}
		i.accept(listener, func(conn net.Conn) { f.carry(i.ctx, conn) })
	}
	config := authority.tlsConfig()
	if err := i.openWeb(&webCatcher{i.ledger, names, places}, kept, config); err != nil {
		return err
	}
	return i.openMail(&mailCatcher{i.ledger, names, places}, kept, config)
}

func describe(what, address string, err error) error {
	if understudy.KindOf(err) != understudy.KindInternal {
		return err
	}
	return understudy.Errorf(understudy.KindInternal, "sealing: opening the %s on %s: %w", what, address, err)
}

// run owns a goroutine that ends when closer was called.
func (i *Inside) run(serve, closer func() error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.closers = append(i.closers, closer)
	i.group.Go(func() {
		if err := serve(); err != nil && i.ctx.Err() == nil {
			i.mu.Lock()
			defer i.mu.Unlock()
			i.errs = append(i.errs, err)
		}
	})
}

// accept serves each connection of a listener in a goroutine of its own, and closes it
// afterwards, or when the seal opens.
func (i *Inside) accept(listener net.Listener, serve func(net.Conn)) {
	i.run(func() error {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return unlessClosed(err)
			}
			i.group.Go(func() {
				stop := context.AfterFunc(i.ctx, func() { _ = conn.Close() })
				defer stop()
				defer func() { _ = conn.Close() }() // served, or cut
				serve(conn)
			})
		}
	}, listener.Close)
}

func (i *Inside) openNames(names *names, kept map[int]bool) error {
	if kept[53] {
		return nil
	}
	v4, err := net.ListenPacket("udp4", "0.0.0.0:53")
	if err != nil {
		return describe("DNS answerer", "port 53", err)
	}
	i.run(func() error { return names.serveUDP4(v4) }, v4.Close)
	answerer := net.ListenConfig{Control: answerFromAnyAddress}
	if v6, err := answerer.ListenPacket(i.ctx, "udp6", "[::]:53"); err == nil { // without IPv6 nobody asks over it
		i.run(func() error { return names.serveUDP6(v6) }, v6.Close)
	}
	listener, err := net.Listen("tcp", ":53")
	if err != nil {
		return describe("DNS answerer", "port 53", err)
	}
	i.accept(listener, names.serveTCP)
	return nil
}

func (i *Inside) openWeb(catcher *webCatcher, kept map[int]bool, config *tls.Config) error {
	ports := map[int]bool{80: false, 443: true} // to: is it TLS from the first byte
	for _, p := range catcher.places {
		if p.Kind == KindHTTP {
			ports[p.port] = p.secure
		}
	}
	config = config.Clone()
	config.NextProtos = []string{"h2", "http/1.1"}
	for port, secure := range ports {
		if kept[port] {
			continue
		}
		listener, err := net.Listen("tcp", portAddress(port))
		if err != nil {
			return describe("HTTP catcher", portAddress(port), err)
		}
		server := catcher.server()
		server.TLSConfig = config.Clone() // a server changes its own
		serve := func() error { return server.Serve(listener) }
		if secure {
			serve = func() error { return server.ServeTLS(listener, "", "") }
		}
		i.run(serve, server.Close)
	}
	return nil
}

func (i *Inside) openMail(catcher *mailCatcher, kept map[int]bool, config *tls.Config) error {
	ports := map[int]bool{25: false, 465: true, 587: false, 1025: false, 2525: false}
	for _, p := range catcher.places {
		if p.Kind == KindSMTP {
			ports[p.port] = p.secure || p.port == 465
		}
	}
	for port, secure := range ports {
		if kept[port] || port == 80 || port == 443 {
			continue
		}
		listener, err := net.Listen("tcp", portAddress(port))
		if err != nil {
			return describe("SMTP catcher", portAddress(port), err)
		}
		if secure {
			listener = tls.NewListener(listener, config)
		}
		server := catcher.server(config)
		i.run(func() error { return server.Serve(listener) }, func() error {
			return errors.Join(server.Close(), unlessClosed(listener.Close())) // a server that did not begin to serve yet leaves its listener open
		})
	}
	return nil
}
