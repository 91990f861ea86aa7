package featureflag

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
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
	token    [sha256.Size]byte
	closed   chan struct{}
	close    func()
	events   string // the secret in the address of the events
	requests chan struct{}
	streams  chan struct{}
	routes   *http.ServeMux
}

// NewHandler serves the flags of a source to those who bear the token.
func NewHandler(source Source, token string, observer Observer) *Handler {
	h := &Handler{
		source: source, observer: observer, token: sha256.Sum256([]byte(token)), closed: make(chan struct{}),
		requests: make(chan struct{}, maxRequests), streams: make(chan struct{}, maxStreams), routes: http.NewServeMux(),
	}
	h.close = sync.OnceFunc(func() { close(h.closed) })
	if token == "" {
		h.routes.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { refuse(w) })
		return h
	}
	secret := hmac.New(sha256.New, []byte(token))
	secret.Write([]byte("the address of OFREP's events"))
	h.events = hex.EncodeToString(secret.Sum(nil))
	h.routes.HandleFunc("POST "+evaluatePath+"/{key...}", h.authorised(h.limited(h.evaluateOne)))
	h.routes.HandleFunc("POST "+evaluatePath, h.authorised(h.limited(h.evaluateAll)))
	h.routes.HandleFunc("GET "+eventsPath, h.stream)
	return h
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.routes.ServeHTTP(w, r) }

// Close ends the event streams, which would hold up a server's shutdown. Clients come back
// when there is a server again.
func (h *Handler) Close() { h.close() }

func refuse(w http.ResponseWriter) {
	w.Header().Set("WWW-Authenticate", "Bearer")
	w.WriteHeader(http.StatusUnauthorized)
}

func (h *Handler) authorised(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !h.bears(r) {
			refuse(w)
			return
		}
		next(w, r)
	}
}

func (h *Handler) bears(r *http.Request) bool {
	token := r.Header.Get("X-Api-Key")
	if scheme, credentials, found := strings.Cut(r.Header.Get("Authorization"), " "); found && strings.EqualFold(scheme, "Bearer") {
		token = strings.TrimSpace(credentials)
	}
	given := sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(given[:], h.token[:]) == 1
}

// limited turns requests away while too many are under way.
func (h *Handler) limited(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case h.requests <- struct{}{}:
			defer func() { <-h.requests }()
			next(w, r)
		default:
			tooMany(w)
		}
	}
}

func tooMany(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "1")
	w.WriteHeader(http.StatusTooManyRequests)
}

// evaluateOne answers for one flag. The key is as the client sent it: some leave slashes in.
func (h *Handler) evaluateOne(w http.ResponseWriter, r *http.Request) {
	key := r.PathValue("key")
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

// failure is OFREP's evaluationFailure, flagNotFound and bulkEvaluationFailure.
type failure struct {
	Key     *string `json:"key,omitempty"`
	Code    string  `json:"errorCode"`
	Details string  `json:"errorDetails,omitempty"`
}

// readContext reads a request's body: {"context": {…}}.
func readContext(w http.ResponseWriter, r *http.Request) (map[string]any, *failure) {
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, &failure{Code: "INVALID_CONTEXT", Details: "the request has more than 1 MiB"}
	case err != nil:
		return nil, &failure{Code: string(CodeParse), Details: "the request ended early"}
	case len(raw) == 0:
		return nil, nil
	}
	var request struct {
		Context map[string]any `json:"context"`
	}
	var mistyped *json.UnmarshalTypeError
	switch err := json.Unmarshal(raw, &request); {
	case errors.As(err, &mistyped):
		return nil, &failure{Code: "INVALID_CONTEXT", Details: "expected an object with the context, which is an object"}
	case err != nil:
		return nil, &failure{Code: string(CodeParse), Details: "the request is no JSON"}
	}
	switch request.Context["targetingKey"].(type) {
	case nil, string:
		return request.Context, nil
	}
	return nil, &failure{Code: "INVALID_CONTEXT", Details: "expected targetingKey to be a string"}
}

func write(w http.ResponseWriter, status int, body []byte) {
	w.Header()["Content-Type"] = []string{"application/json"}
	w.Header()["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that went away needs no answer
}
