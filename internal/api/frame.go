package api

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"understudy"
)

// Frame is one line of a streamed answer. Exactly one field is set.
type Frame struct {
	Say    string            `json:"say,omitempty"`    // progress
	Value  json.RawMessage   `json:"value,omitempty"`  // one of several: a state, an entry
	Result json.RawMessage   `json:"result,omitempty"` // the last line where all went well
	Error  *understudy.Error `json:"error,omitempty"`  // the last line where it did not
	Stdout []byte            `json:"stdout,omitempty"`
	Stderr []byte            `json:"stderr,omitempty"`
	Exit   *int              `json:"exit,omitempty"` // the last line of an exec
}

// frames writes frames, a line each, flushed at once.
type frames struct {
	mu      sync.Mutex
	encoder *json.Encoder
	flush   func()
	broken  error
}

func (f *frames) send(frame Frame) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.broken == nil {
		f.broken = f.encoder.Encode(frame)
		f.flush()
	}
	return f.broken
}

func (f *frames) value(v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return f.send(Frame{Value: raw})
}

// end sends the last frame: the result, or why there is none.
func (f *frames) end(result any, err error) error {
	if err != nil {
		return f.send(Frame{Error: plain(err)})
	}
	raw, err := json.Marshal(result)
	if err != nil {
		return f.send(Frame{Error: plain(err)})
	}
	return f.send(Frame{Result: raw})
}

// plain is an error as it goes over the wire.
func plain(err error) *understudy.Error {
	var known *understudy.Error
	if errors.As(err, &known) {
		return &understudy.Error{Kind: known.Kind, Message: err.Error(), Hint: known.Hint}
	}
	return &understudy.Error{Kind: understudy.KindInternal, Message: err.Error()}
}

// stream answers with frames for as long as work lasts. The request's context ends when
// the client goes.
func stream(work func(ctx context.Context, out *frames) error) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(hctx huma.Context) {
		hctx.SetHeader("Content-Type", "application/x-ndjson")
		hctx.SetHeader("X-Accel-Buffering", "no")
		_, w := humago.Unwrap(hctx)
		out := &frames{encoder: json.NewEncoder(w), flush: flusher(w)}
		w.WriteHeader(http.StatusOK)
		out.flush() // that there will be an answer is one already
		if err := work(hctx.Context(), out); err != nil && out.broken == nil {
			_ = out.end(nil, err) // the client has gone if this fails; there is nobody left to tell
		}
	}}
}

func flusher(w http.ResponseWriter) func() {
	control := http.NewResponseController(w)
	return func() { _ = control.Flush() } // a client that has gone is noticed by the next write
}

// writerOf makes frames of what is written.
type writerOf func(p []byte) error

func (w writerOf) Write(p []byte) (int, error) { return len(p), w(append([]byte(nil), p...)) }

var _ io.Writer = writerOf(nil)
