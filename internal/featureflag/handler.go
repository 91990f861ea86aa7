package featureflag

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// The paths of OFREP, and the one that its answers name for events.
const (
	evaluatePath = "/ofrep/v1/evaluate/flags"
	eventsPath   = "/ofrep/v1/events"
)

// What clients may use at most.
const (
	maxBody     = 1 << 20 // bytes of a request's body
	maxRequests = 1024    // evaluations under way
	maxStreams  = 1024    // event streams that are open
	maxKey      = 1 << 10 // bytes of a key
)

// Handler answers OFREP 0.3: one flag, all flags, and events when flags change. Every
// request bears the token, as Bearer token or as X-API-Key; a handler with an empty one
// lets nobody in.
//
// Three things are decided here that the protocol leaves open, or that clients trip over:
//   - A flag without a value (disabled, or without a default variant) is answered as OFREP
//     0.3 says: with its reason, and no value. Older SDKs take that for an error and fall back to
//     the default in the code, which is the same value. An Override never needs it.
//   - DEFAULT is flagd's word, and no reason of OFREP: it is told as UNKNOWN.
//   - A request without a context is one with an empty context.
type Handler struct {
	source   Source
	observer Observer
	locked   bool
	token    [sha256.Size]byte
	closed   chan struct{}
	close    func()
	events   string // the secret in the address of the events
	requests chan struct{}
	streams  chan struct{}
	origins  []string
}

// NewHandler serves the flags of a source to those who bear the token. Pages of the origins
// may ask from a browser; without any, none may.
func NewHandler(source Source, token string, observer Observer, origins ...string) *Handler {
	h := &Handler{
		origins: origins,
		source:  source, observer: observer, locked: token == "", token: sha256.Sum256([]byte(token)), closed: make(chan struct{}),
		requests: make(chan struct{}, maxRequests), streams: make(chan struct{}, maxStreams),
	}
	h.close = sync.OnceFunc(func() { close(h.closed) })
	secret := hmac.New(sha256.New, []byte(token))
	secret.Write([]byte("the address of OFREP's events"))
	h.events = hex.EncodeToString(secret.Sum(nil))
	return h
}

// ServeHTTP answers one request. Paths are taken as they are: whatever follows that of an
// evaluation is the key, slashes and dots included.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rest, evaluates := strings.CutPrefix(r.URL.Path, evaluatePath)
	key, one := strings.CutPrefix(rest, "/")
	switch {
	case h.locked:
		refuse(w)
	case h.crosses(w, r): // and is answered
	case r.URL.Path == eventsPath && isBy(w, r, http.MethodGet):
		h.stream(w, r)
	case r.URL.Path == eventsPath:
	case !evaluates || !one && rest != "":
		turnAway(w, http.StatusNotFound)
	case !isBy(w, r, http.MethodPost):
	case !h.bears(r):
		refuse(w)
	default:
		h.limited(w, r, key, one)
	}
}

// isBy answers any other method.
func isBy(w http.ResponseWriter, r *http.Request, method string) bool {
	if r.Method != method {
		w.Header().Set("Allow", method)
		turnAway(w, http.StatusMethodNotAllowed)
	}
	return r.Method == method
}

// Close ends the event streams, which would hold up a server's shutdown. Clients come back
// when there is a server again.
func (h *Handler) Close() { h.close() }

func refuse(w http.ResponseWriter) {
	w.Header().Set("WWW-Authenticate", "Bearer")
	turnAway(w, http.StatusUnauthorized)
}

// turnAway answers who may be a stranger, whose connection is not kept.
func turnAway(w http.ResponseWriter, status int) {
	w.Header().Set("Connection", "close")
	w.WriteHeader(status)
}

func (h *Handler) bears(r *http.Request) bool {
	token := r.Header.Get("X-Api-Key")
	if scheme, credentials, found := strings.Cut(r.Header.Get("Authorization"), " "); found && strings.EqualFold(scheme, "Bearer") {
		token = strings.TrimSpace(credentials)
	}
	given := sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(given[:], h.token[:]) == 1
}

// limited evaluates one flag or all, unless too many evaluations are under way.
func (h *Handler) limited(w http.ResponseWriter, r *http.Request, key string, one bool) {
	select {
	case h.requests <- struct{}{}:
		defer func() { <-h.requests }()
	default:
		tooMany(w)
		return
	}
	if one {
		h.evaluateOne(w, r, key)
	} else {
		h.evaluateAll(w, r)
	}
}

func tooMany(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "1")
	w.WriteHeader(http.StatusTooManyRequests)
}

// evaluateOne answers for one flag. The key is as the client sent it: some leave slashes in.
func (h *Handler) evaluateOne(w http.ResponseWriter, r *http.Request, key string) {
	context, bad := readContext(w, r)
	if bad != nil {
		bad.Key = &key
		write(w, http.StatusBadRequest, encode(bad))
		return
	}
	set := h.source.Set()
	result := set.Evaluate(key, context)
	if len(key) <= maxKey {
		h.observer.Read(key, result)
	}
	switch f := set.flags[key]; {
	case f == nil:
		write(w, http.StatusNotFound, encode(failure{Key: &key, Code: string(CodeNotFound), Details: result.Details}))
	case result.Error != "":
		write(w, http.StatusBadRequest, f.appendAnswer(nil, result))
	default:
		write(w, http.StatusOK, f.appendAnswer(make([]byte, 0, 256), result))
	}
}

func write(w http.ResponseWriter, status int, body []byte) {
	w.Header()["Content-Type"] = []string{"application/json"}
	w.Header()["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that went away needs no answer
}
