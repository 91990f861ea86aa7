package router

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

const (
	dialWithin   = 5 * time.Second
	answerWithin = 60 * time.Second // until a target's headers, as nginx has it
	// idleFor is shorter than what common servers allow (gunicorn 2 s, Node 5 s), so that
	// it is we who close an idle connection, and no request meets one that is closing.
	idleFor    = 1500 * time.Millisecond
	retryAfter = 50 * time.Millisecond // before a refused connection is tried once more
)

// target is one address of a deployment, with the connections kept to it.
type target struct {
	host, prefix string
	transport    *http.Transport
	proxy        http.Handler
	refusedSince atomic.Pointer[time.Time] // the first of the refusals in a row; nil: it answers
}

func newTarget(r Route, shared *shared) *target {
	network, address, _ := splitAddress(r.Address) // validated with the record
	dialer := &net.Dialer{Timeout: dialWithin}
	t := &target{host: r.Host, prefix: r.Prefix, transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, address)
		},
		DisableCompression:     true,
		MaxIdleConnsPerHost:    256,
		IdleConnTimeout:        idleFor,
		ResponseHeaderTimeout:  answerWithin,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: 256 << 10,
		WriteBufferSize:        8 << 10,
		ReadBufferSize:         8 << 10,
	}}
	t.proxy = newProxy(t, shared)
	return t
}

// RoundTrip sends a request, and once more when the target refused the connection: then
// nothing of it has been sent, whatever its method. A request that can be repeated and
// met a connection that the target was closing is repeated by the transport itself.
func (t *target) RoundTrip(r *http.Request) (*http.Response, error) {
	body := r.Body
	if body != nil {
		r = r.WithContext(r.Context()) // with its own body; trailers are filled in where they are
		r.Body = &keptOpen{ReadCloser: body}
	}
	answer, err := t.transport.RoundTrip(r)
	if refused(err) && wait(r.Context(), retryAfter) {
		r.Body = body
		answer, err = t.transport.RoundTrip(r)
	}
	t.note(err)
	return answer, err
}

// note remembers since when the target refuses.
func (t *target) note(err error) {
	switch {
	case err == nil && t.refusedSince.Load() != nil:
		t.refusedSince.Store(nil)
	case refused(err):
		now := time.Now()
		t.refusedSince.CompareAndSwap(nil, &now)
	}
}

// refused tells whether no connection was made. A client that left meanwhile, or a
// drain that cut the request, is no fault of the target.
func refused(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial" && !errors.Is(err, context.Canceled)
}

// wait tells whether the time passed before the context ended.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// keptOpen is a body that an attempt which never read it does not close.
type keptOpen struct {
	io.ReadCloser
	read atomic.Bool
}

func (b *keptOpen) Read(p []byte) (int, error) {
	b.read.Store(true)
	return b.ReadCloser.Read(p)
}

func (b *keptOpen) Close() error {
	if !b.read.Load() {
		return nil
	}
	return b.ReadCloser.Close()
}
