package router

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	headAtMost   = 256 << 10              // bytes of an answer's head, informational ones before it included
	sentWithin   = 50 * time.Millisecond  // for the news that a request was sent, once its answer has ended
	earlyAnswer  = 200 * time.Millisecond // for the answer of a target that stopped reading the request
	wireReading  = 8 << 10
	wireSending  = 4 << 10
	smallBody    = 16 << 10 // a request's body up to this is taken whole before it is sent
	wiresAtMost  = 256      // idle, to one target
	dialWithin   = 5 * time.Second
	answerWithin = 60 * time.Second // until a target's headers, and for a target to take a part of a body, as nginx has it
)

// wire is a connection to a target that speaks HTTP/1.1. It carries one request at a
// time, and whoever asks also writes and reads: http.Transport hands each request to two
// goroutines of its connection, and their waking is a third of what a request costs
// (docs/router.md). A wire also tells what decides whether a request may be sent again:
// whether a byte of the answer came.
type wire struct {
	conn      net.Conn
	in        *bufio.Reader
	out       *bufio.Writer
	left      int64       // bytes that may still be read
	uploading bool        // each write has a deadline of its own
	quiet     func() bool // nothing has come, and the target has not closed
	idleSince time.Time
}

func newWire(conn net.Conn) *wire {
	w := &wire{conn: conn, quiet: func() bool { return true }}
	w.in, w.out = bufio.NewReaderSize(w, wireReading), bufio.NewWriterSize(w, wireSending)
	if raw, err := conn.(syscall.Conn).SyscallConn(); err == nil {
		w.quiet = quietOn(raw)
	}
	return w
}

// quietOn looks at a connection without waiting or taking anything from it.
func quietOn(raw syscall.RawConn) func() bool {
	quiet, one := false, make([]unix.PollFd, 1)
	look := func(fd uintptr) bool {
		one[0] = unix.PollFd{Fd: int32(fd), Events: unix.POLLIN}
		n, err := unix.Poll(one, 0)
		quiet = n == 0 && err == nil
		return true
	}
	return func() bool { return raw.Read(look) == nil && quiet }
}

// errHeadTooBig says what was wrong with a target's answer.
var errHeadTooBig = errors.New("the head of its answer is larger than 256 KiB")

// errHalfSent is why a wire becomes no tunnel: what is left of the request would be in it.
var errHalfSent = errors.New("it switched protocols before it had the whole request")

// Read is for the buffer, within what may still be read.
func (w *wire) Read(p []byte) (int, error) {
	if w.left <= 0 {
		return 0, errHeadTooBig
	}
	n, err := w.conn.Read(p[:min(int64(len(p)), w.left)])
	w.left -= int64(n)
	return n, err
}

// Write is for the buffer.
func (w *wire) Write(p []byte) (int, error) {
	if w.uploading {
		if err := w.conn.SetWriteDeadline(time.Now().Add(answerWithin)); err != nil {
			return 0, err
		}
	}
	return w.conn.Write(p)
}

// close ends the connection; it may be called at any time and by anybody.
func (w *wire) close() { _ = w.conn.Close() } // nothing is lost with it that matters

// silentError is how a request ended without a byte of an answer.
type silentError struct{ error }

// Unwrap gives what happened to the connection.
func (e silentError) Unwrap() error { return e.error }

// exchange is one request on a wire, to the last byte of its answer. It is the answer's
// body. Keep is given the wire if it can carry another request.
type exchange struct {
	wire    *wire
	request *http.Request
	whole   bool // all of it is here before anything is sent
	keep    func(*wire)
	unhook  func() bool
	sent    chan error // tells once how the sending ended; nil: it has, before anything was read
	body    io.ReadCloser
	last    bool  // the target closes after this answer
	end     error // of the body; nil: not yet

	mu       sync.Mutex
	answered bool // the head of the answer is there
}

// gather takes a request's body if it is small, and tells whether all of the request is
// here. It is done before the request has a wire: a target may close one on which nothing
// comes while a slow client sends.
func gather(r *http.Request) (whole bool, err error) {
	if r.Body == nil {
		return true, nil
	}
	r.Header.Del("Expect") // the client is told to go on when its body is first read
	if !isSmall(r) {
		return false, nil
	}
	body := make([]byte, r.ContentLength)
	if _, err := io.ReadFull(r.Body, body); err != nil {
		return false, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return true, nil
}

// isSmall tells a request whose body is taken whole; 0 is a length that is not known.
func isSmall(r *http.Request) bool { return r.ContentLength > 0 && r.ContentLength <= smallBody }

// ask sends a request, which is whole or goes on being sent while its answer comes, and
// reads the head of the answer. The request ends with its context, at the latest.
func (w *wire) ask(r *http.Request, whole bool, keep func(*wire)) (*http.Response, error) {
	x := &exchange{wire: w, request: r, whole: whole, keep: keep}
	x.unhook = context.AfterFunc(r.Context(), w.close)
	answer, err := x.open()
	if err != nil {
		x.finish(false)
		return nil, err
	}
	if answer.StatusCode == http.StatusSwitchingProtocols {
		return x.tunnel(answer)
	}
	x.last, x.body = answer.Close, answer.Body
	if x.body == http.NoBody {
		x.finish(true)
		return answer, nil
	}
	answer.Body = x
	return answer, nil
}

func (x *exchange) open() (*http.Response, error) {
	if err := x.send(); err != nil {
		return nil, err
	}
	answer, err := x.head()
	if err != nil && x.sent != nil {
		select {
		case sending := <-x.sent:
			err = errors.Join(sending, err)
		default:
		}
	}
	return answer, err
}

// send writes the request, or begins to.
func (x *exchange) send() error {
	if !x.whole {
		return x.sendMeanwhile()
	}
	x.wire.uploading = false
	if err := x.wire.conn.SetDeadline(time.Now().Add(answerWithin)); err != nil {
		return silentError{err}
	}
	if err := x.write(); err != nil {
		return silentError{err}
	}
	return nil
}

func (x *exchange) sendMeanwhile() error {
	x.wire.uploading = true
	if err := x.wire.conn.SetReadDeadline(time.Time{}); err != nil {
		return silentError{err}
	}
	x.sent = make(chan error, 1)
	go x.upload()
	return nil
}

func (x *exchange) write() error {
	if err := x.request.Write(x.wire.out); err != nil {
		return err
	}
	return x.wire.out.Flush()
}

// upload sends a request with its body. It ends with the body, or with the wire. The
// wait for the answer begins when it has ended.
func (x *exchange) upload() {
	err := x.write()
	patience := answerWithin
	if err != nil {
		patience = earlyAnswer
	}
	x.mu.Lock()
	if !x.answered {
		_ = x.wire.conn.SetReadDeadline(time.Now().Add(patience)) // of a closed one, nobody waits
	}
	x.mu.Unlock()
	x.sent <- err
}

// head reads the head of the answer, and passes on informational ones before it.
func (x *exchange) head() (*http.Response, error) {
	w := x.wire
	w.left = headAtMost
	if _, err := w.in.Peek(1); err != nil {
		return nil, silentError{err}
	}
	for {
		answer, err := http.ReadResponse(w.in, x.request)
		if err != nil {
			return nil, err
		}
		if answer.StatusCode >= 200 || answer.StatusCode == http.StatusSwitchingProtocols {
			w.left = math.MaxInt64
			return answer, x.bodyMayLast(answer)
		}
		trace := httptrace.ContextClientTrace(x.request.Context())
		if trace != nil && trace.Got1xxResponse != nil {
			if err := trace.Got1xxResponse(answer.StatusCode, textproto.MIMEHeader(answer.Header)); err != nil {
				return nil, err
			}
		}
	}
}

// bodyMayLast takes the deadline away, unless the whole answer is here already.
func (x *exchange) bodyMayLast(answer *http.Response) error {
	if x.sent == nil && answer.ContentLength >= 0 && answer.ContentLength <= int64(x.wire.in.Buffered()) {
		return nil
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.answered = true
	return x.wire.conn.SetReadDeadline(time.Time{})
}

// Read reads the answer's body. After its end the wire belongs to others.
func (x *exchange) Read(p []byte) (int, error) {
	if x.end != nil {
		return 0, x.end
	}
	n, err := x.body.Read(p)
	if err != nil {
		x.end = err
		x.finish(err == io.EOF)
	}
	return n, err
}

// Close ends an answer that was not read to its end together with its wire.
func (x *exchange) Close() error {
	if x.end == nil {
		x.end = net.ErrClosed
		x.finish(false)
	}
	return nil
}

// finish gives the wire back, or ends it.
func (x *exchange) finish(whole bool) {
	hooked := x.unhook() // else its context has ended, and closes it
	if whole && hooked && !x.last && x.wire.in.Buffered() == 0 && x.wasSent() {
		x.keep(x.wire)
		return
	}
	x.wire.close()
}

// wasSent tells whether the whole request was sent. A target may answer before that.
func (x *exchange) wasSent() bool {
	if x.sent == nil {
		return true
	}
	select {
	case err := <-x.sent:
		return err == nil
	default:
	}
	timer := time.NewTimer(sentWithin)
	defer timer.Stop()
	select {
	case err := <-x.sent:
		return err == nil
	case <-timer.C:
		return false
	}
}

// tunnel is what a wire becomes that no longer speaks HTTP. It ends with the request's
// context, as before.
type tunnel struct{ *wire }

func (x *exchange) tunnel(answer *http.Response) (*http.Response, error) {
	if !x.wasSent() {
		x.finish(false)
		return nil, errHalfSent
	}
	x.wire.uploading = false
	answer.Body = tunnel{x.wire}
	return answer, x.wire.conn.SetDeadline(time.Time{})
}

// Read begins with what came together with the answer's head.
func (t tunnel) Read(p []byte) (int, error) { return t.in.Read(p) }

// Close ends both directions.
func (t tunnel) Close() error { return t.conn.Close() }

// CloseWrite ends the direction to the target.
func (t tunnel) CloseWrite() error {
	if half, able := t.conn.(interface{ CloseWrite() error }); able {
		return half.CloseWrite()
	}
	return nil
}
