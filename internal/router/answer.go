package router

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// answer is a ResponseWriter that notices what was answered, and gives up on a client
// that neither reads nor sends for as long as the limit says. Deadlines are set for HTTP/1 only: there a connection is one
// request, and HTTP/2 has its own (see newServer).
type answer struct {
	http.ResponseWriter
	control *http.ResponseController
	single  bool
	stall   time.Duration
	until   time.Time // how long the client has; zero: as long as it wants
	status  int       // 0: none yet
	bytes   int64
	failed  bool // the client did not take it
}

func newAnswer(w http.ResponseWriter, r *http.Request, stall time.Duration, now time.Time) *answer {
	a := &answer{ResponseWriter: w, control: http.NewResponseController(w), single: r.ProtoMajor == 1, stall: stall}
	a.extend(now) // the deadline of an earlier request on this connection may still stand
	if a.single && r.Body != http.NoBody && !isSmall(r) {
		_ = a.control.EnableFullDuplex() // an answer does not wait for the rest of the body
	}
	return a
}

// Unwrap lets http.ResponseController flush and hijack.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// WriteHeader notes the status; informational ones are only passed on. An answer without a
// body writes nothing else, so that the client is given its time here too.
func (a *answer) WriteHeader(status int) {
	a.extend(time.Now())
	if status >= 200 && a.status == 0 {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write gives the client some time to take what is written.
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

// extend gives the client the time that it may stall, as exactly as a second, or a tenth of a short one.
func (a *answer) extend(now time.Time) {
	if until := now.Add(a.stall); a.single && until.Sub(a.until) > min(time.Second, a.stall/10) {
		a.until = until
		_ = a.control.SetWriteDeadline(until) // every net/http connection has deadlines
	}
}

// leaveBody bounds how long the server waits for what is left of a request's body, which
// it reads before the connection is used again.
func (a *answer) leaveBody(r *http.Request) {
	if a.single && r.Body != http.NoBody && a.status != http.StatusSwitchingProtocols {
		_ = a.control.SetReadDeadline(time.Now().Add(min(a.stall, leftOver)))
	}
}

// leftOver is how long a client may take to send what nobody is interested in.
const leftOver = 5 * time.Second

// patientBody is a request's body that gives up on a client that stops sending or sends
// too much, and remembers how it ended.
type patientBody struct {
	io.ReadCloser
	visit *visit
	left  int64 // bytes that may still come; below 0: any
	came  int64
	timed bool

	mu   sync.Mutex
	over bool // nobody may touch the connection any more: it may have the next request
}

// errTooLarge is how a body ends that is larger than it may be.
var errTooLarge = errors.New("the request's body is larger than the limit")

// newBody limits a request's body. A stream of gRPC is silent for as long as it likes.
func newBody(v *visit) *patientBody {
	calls := strings.HasPrefix(v.request.Header.Get("Content-Type"), "application/grpc")
	return &patientBody{ReadCloser: v.request.Body, visit: v, left: v.settings.limits.Body, timed: !calls}
}

// Read is called by the transport, which may be behind the end of the visit. The deadline
// must be gone once the body is, or it would end the wait for the answer.
func (b *patientBody) Read(p []byte) (int, error) {
	if !b.limit(time.Now().Add(b.visit.answer.stall)) {
		return 0, http.ErrBodyReadAfterClose
	}
	n, err := b.ReadCloser.Read(p)
	if n, err = b.count(n, err); err != nil {
		b.limit(time.Time{})
	}
	b.came += int64(n)
	if errors.Is(err, io.EOF) || err == nil && b.came == b.visit.request.ContentLength {
		b.visit.arrive()
	}
	if err != nil && !errors.Is(err, io.EOF) {
		b.visit.bodyErr.CompareAndSwap(nil, &err)
	}
	return n, err
}

// limit sets the deadline of the next read, and tells whether there may be one.
func (b *patientBody) limit(until time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.timed && !b.over {
		_ = b.visit.answer.control.SetReadDeadline(until)
	}
	return !b.over
}

// Close ends the reading, before the visit ends.
func (b *patientBody) Close() error {
	b.mu.Lock()
	b.over = true
	b.mu.Unlock()
	return b.ReadCloser.Close()
}

// count ends a body that has become too large.
func (b *patientBody) count(n int, err error) (int, error) {
	if b.left < 0 {
		return n, err
	}
	if int64(n) > b.left {
		return 0, errTooLarge
	}
	b.left -= int64(n)
	return n, err
}
