package api

import (
	"encoding/json"
	"net/http"
	"strconv"

	"understudy"
)

// shield answers where the work panics: the client is told that it was a fault and
// nothing of its inside. The panic goes on to the server, which logs it and lives.
func shield(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		noting := &notingWriter{ResponseWriter: w}
		defer func() {
			if fault := recover(); fault != nil {
				noting.tellFault()
				panic(fault)
			}
		}()
		next.ServeHTTP(noting, r)
	})
}

// notingWriter notes whether an answer has begun.
type notingWriter struct {
	http.ResponseWriter
	begun bool
}

// Unwrap lets a ResponseController reach the connection.
func (n *notingWriter) Unwrap() http.ResponseWriter { return n.ResponseWriter }

// WriteHeader begins the answer.
func (n *notingWriter) WriteHeader(status int) {
	n.begun = true
	n.ResponseWriter.WriteHeader(status)
}

func (n *notingWriter) Write(p []byte) (int, error) {
	n.begun = true
	return n.ResponseWriter.Write(p)
}

// tellFault ends the answer: with a status where none was sent, else with a frame.
func (n *notingWriter) tellFault() {
	fault := understudy.Errorf(understudy.KindInternal, "the daemon has a fault; its log says where")
	if n.begun {
		if n.Header().Get("Content-Type") == "application/x-ndjson" {
			_ = json.NewEncoder(n).Encode(Frame{Error: fault}) // there is nobody left to tell
			flusher(n)()
		}
		return // any other answer is cut, which tells as much as can be told
	}
	body, err := json.Marshal(fault)
	if err != nil {
		return
	}
	n.Header().Set("Content-Type", "application/json")
	n.Header().Set("Content-Length", strconv.Itoa(len(body))) // the connection is closed after it
	n.WriteHeader(StatusOf(fault.Kind))
	_, _ = n.Write(body) // there is nobody left to tell
	flusher(n)()
}
