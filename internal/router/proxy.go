package router

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"slices"
	"strings"
	"sync"
	"time"
)

// shared is what all fronts use.
type shared struct {
	state string // the router's folder
	// descriptors is how many files and connections the process may have open; 0: any.
	descriptors int
	log         *slog.Logger
	tell        func(Problem) // of what went wrong by itself
	over        func(Problem) // it is no longer so
	buffers     httputil.BufferPool
	access      *accessLog
}

// buffers keeps the buffers that answers are copied through.
type buffers struct{ pool sync.Pool }

const bufferSize = 32 << 10

func newBuffers() *buffers {
	return &buffers{pool: sync.Pool{New: func() any { return new([bufferSize]byte) }}}
}

// Get returns a buffer of bufferSize bytes.
func (b *buffers) Get() []byte { return b.pool.Get().(*[bufferSize]byte)[:] }

// Put takes back what Get returned.
func (b *buffers) Put(buffer []byte) { b.pool.Put((*[bufferSize]byte)(buffer)) }

// newProxy passes requests on to a pool. A visit must be in their context.
func newProxy(p *pool, shared *shared) http.Handler {
	return &httputil.ReverseProxy{
		Transport:      p,
		BufferPool:     shared.buffers,
		ErrorLog:       slog.NewLogLogger(shared.log.Handler(), slog.LevelDebug),
		Rewrite:        rewrite,
		ModifyResponse: answered,
		ErrorHandler:   unanswered,
	}
}

// rewrite makes the request that the target sees: the path and query as they came, the
// client's host, and forwarding headers that say what was seen here.
func rewrite(p *httputil.ProxyRequest) {
	v := visitOf(p.In.Context())
	p.Out.URL.Scheme, p.Out.URL.Host = "http", "deployment"
	p.Out.URL.RawQuery = withoutChoice(p.In.URL.RawQuery)
	p.Out.Trailer = p.In.Trailer // the map that is filled when the body has been read
	v.forward(p)
	dropOwn(p.Out.Header, v)
}

// dropOwn keeps what is between the client and the router from the application.
func dropOwn(h http.Header, v *visit) {
	if v.byBearer {
		h.Del("Authorization")
	}
	h.Del(testerHeader)
	h.Del(chooseHeader)
	for i, line := range h["Cookie"] {
		if strings.Contains(line, ownCookies) {
			h["Cookie"][i] = withoutOwnCookies(line)
		}
	}
	h["Cookie"] = slices.DeleteFunc(h["Cookie"], func(line string) bool { return line == "" })
	if len(h["Cookie"]) == 0 {
		h.Del("Cookie")
	}
}

// ownCookies is how the names of the router's cookies begin.
const ownCookies = "understudy-"

func withoutOwnCookies(line string) string {
	var kept []string
	for pair := range strings.SplitSeq(line, ";") {
		name, _, _ := strings.Cut(strings.TrimSpace(pair), "=")
		if name != sideCookie && name != gateCookie && name != chooseCookie {
			kept = append(kept, strings.TrimSpace(pair))
		}
	}
	return strings.Join(kept, "; ")
}

// answered looks at a target's headers before they are passed on.
func answered(answer *http.Response) error {
	v := visitOf(answer.Request.Context())
	v.answeredAt = time.Now()
	if v.claim.pool.lasts() {
		v.call = answer
	}
	events := strings.HasPrefix(strings.ToLower(answer.Header.Get("Content-Type")), "text/event-stream")
	if answer.StatusCode == http.StatusSwitchingProtocols || events {
		v.lasting = true
		v.front.last(v.claim)
	}
	if answer.StatusCode == http.StatusSwitchingProtocols {
		v.answer.status = answer.StatusCode
	}
	v.dress(answer.Header)
	return nil
}

// unanswered answers in the place of a target that did not, in one plain sentence. What
// exactly happened is for the log.
func unanswered(_ http.ResponseWriter, r *http.Request, err error) {
	v := visitOf(r.Context())
	if v.answer.status != 0 { // the connection is no longer HTTP
		return
	}
	var slow net.Error
	bodyErr := v.bodyErr.Load()
	switch {
	case errors.Is(context.Cause(r.Context()), errCut):
		v.failed, v.blamed = true, true
		v.say(http.StatusServiceUnavailable, "this release is being taken away; try again", 1)
		return
	case bodyErr != nil && errors.Is(*bodyErr, errTooLarge):
		v.refuseBody()
		return
	case bodyErr != nil && errors.As(*bodyErr, &slow) && slow.Timeout():
		v.last = true
		v.say(http.StatusRequestTimeout, "the request did not arrive in time", 0)
		return
	case bodyErr != nil || r.Context().Err() != nil:
		v.clientGone()
		return
	}
	v.failed = true
	v.front.shared.log.Warn("a target did not answer", "front", v.settings.name, "release", v.claim.slot.Release,
		"deployment", v.claim.slot.Deployment, "request", v.id, "cause", err.Error())
	if errors.As(err, &slow) && slow.Timeout() {
		v.say(http.StatusGatewayTimeout, "the application did not answer in time", 0)
		return
	}
	v.say(http.StatusBadGateway, "the application does not answer right now", 1)
}
