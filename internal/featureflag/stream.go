package featureflag

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// The rhythm of an event stream.
const (
	heartbeat    = 15 * time.Second // a comment when nothing happens, so that nobody in between hangs up
	writeTimeout = 10 * time.Second // for a client that does not read
	retryAfter   = 2000             // milliseconds after which a client comes back
)

// stream tells a client when it should evaluate its flags again. Who may listen says the
// secret in the address, as an EventSource cannot send a token.
func (h *Handler) stream(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	if subtle.ConstantTimeCompare([]byte(query.Get("key")), []byte(h.events)) != 1 && !h.bears(r) {
		turnAway(w, http.StatusForbidden)
		return
	}
	select {
	case h.streams <- struct{}{}:
		defer func() { <-h.streams }()
	default:
		tooMany(w)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no")
	out := events{w: w, control: http.NewResponseController(w)}
	if err := out.control.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return
	}
	seen := query.Get("seen")
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		seen = last
	}
	if out.send("retry: %d\n\n", retryAfter) == nil {
		h.follow(r, out, seen)
	}
}

// follow sends an event for each change until the client or the handler goes.
func (h *Handler) follow(r *http.Request, out events, seen string) {
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		changed := h.source.Changed() // before the set is read: a change meanwhile is not lost
		if tag := tagOf(h.source.Set()); seen == "" {
			seen = tag
		} else if tag != seen {
			seen = tag
			if out.send("id: %s\ndata: {\"type\":\"refetchEvaluation\",\"etag\":%q,\"lastModified\":%d}\n\n", tag, tag, time.Now().Unix()) != nil {
				return
			}
		}
		select {
		case <-r.Context().Done():
			return
		case <-h.closed:
			return
		case <-changed:
		case <-beat.C:
			if out.send(": still here\n\n") != nil {
				return
			}
		}
	}
}

// events writes to a client, which has to read within writeTimeout.
type events struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

func (e events) send(format string, args ...any) error {
	if err := e.control.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := fmt.Fprintf(e.w, format, args...); err != nil {
		return err
	}
	return e.control.Flush()
}
