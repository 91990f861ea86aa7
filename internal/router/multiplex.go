package router

import (
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"understudy"
)

// multiplex carries requests to one target over HTTP/2 without TLS, many on one
// connection.
type multiplex struct{ *http.Transport }

// newMultiplex gives a gRPC call no limit for its first byte: it has one of its own.
func newMultiplex(at place, protocol understudy.Protocol) *multiplex {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	t := &http.Transport{DialContext: at.dial, Protocols: &protocols, DisableCompression: true, IdleConnTimeout: time.Minute,
		MaxResponseHeaderBytes: headAtMost}
	if protocol != understudy.ProtocolGRPC {
		t.ResponseHeaderTimeout = answerWithin
	}
	return &multiplex{t}
}

// RoundTrip sends a request, and leaves its body open where it was not read.
func (m *multiplex) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		body := r.Body
		r = r.WithContext(r.Context())
		r.Body = &keptOpen{ReadCloser: body}
	}
	return m.Transport.RoundTrip(r)
}

func (m *multiplex) sweep(time.Time) {}

func (m *multiplex) retire() { m.CloseIdleConnections() }

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
