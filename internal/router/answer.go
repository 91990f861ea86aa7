package router

import (
	"errors"
	"io"
	"net/http"
	"time"
)

// stalledFor is how long a client may neither read nor send before its connection is given up.
const stalledFor = 60 * time.Second

// answer is a ResponseWriter that notices what was answered, and gives up on a client
// that does not read. Deadlines are set for HTTP/1 only: there a connection is one
// request, and HTTP/2 has its own (see newServer).
type answer struct {
	http.ResponseWriter
	control *http.ResponseController
	single  bool
	until   time.Time // how long the client has; zero: as long as it wants
	status  int       // 0: none yet
	bytes   int64
	failed  bool // the client did not take it
}

func newAnswer(w http.ResponseWriter, r *http.Request, now time.Time) *answer {
	a := &answer{ResponseWriter: w, control: http.NewResponseController(w), single: r.ProtoMajor == 1}
	a.extend(now) // the deadline of an earlier request on this connection may still stand
	return a
}

// Unwrap lets http.ResponseController flush and hijack.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// WriteHeader notes the status; informational ones are only passed on.
func (a *answer) WriteHeader(status int) {
	if status >= 200 && a.status == 0 {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write gives the client stalledFor to take what is written.
func (a *answer) Write(p []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	a.extend(time.Now())
	n, err := a.ResponseWriter.Write(p)
	a.bytes += int64(n)
	a.failed = a.failed || err != nil
	return n, err
}

// extend gives the client stalledFor, as exactly as a second.
func (a *answer) extend(now time.Time) {
	if until := now.Add(stalledFor); a.single && until.Sub(a.until) > time.Second {
		a.until = until
		_ = a.control.SetWriteDeadline(until) // every net/http connection has deadlines
	}
}

// patientBody is a request's body that gives up on a client that stops sending, and
// remembers how it ended.
type patientBody struct {
	io.ReadCloser
	visit *visit
}

// Read is called by the transport until the visit is over. The deadline must be gone
// once the body is, or it would end the wait for the answer.
func (b *patientBody) Read(p []byte) (int, error) {
	a := b.visit.answer
	if a.single {
		_ = a.control.SetReadDeadline(time.Now().Add(stalledFor))
	}
	n, err := b.ReadCloser.Read(p)
	if err != nil && a.single {
		_ = a.control.SetReadDeadline(time.Time{})
	}
	if err != nil && !errors.Is(err, io.EOF) {
		b.visit.bodyErr.CompareAndSwap(nil, &err)
	}
	return n, err
}
