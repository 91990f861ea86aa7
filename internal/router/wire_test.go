package router

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// scripted is a target that does on each connection what a test says.
type scripted struct {
	*wires
	connections atomic.Int64
	requests    atomic.Int64
}

// newScripted runs serve for each connection, which ends when that returns.
func newScripted(t *testing.T, serve func(s *scripted, in *bufio.Reader, conn net.Conn)) *scripted {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &scripted{wires: &wires{dial: place{"tcp", listener.Addr().String()}.dial}}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for conn, err := listener.Accept(); err == nil; conn, err = listener.Accept() {
			s.connections.Add(1)
			go func() {
				defer func() { _ = conn.Close() }()
				serve(s, bufio.NewReader(conn), conn)
			}()
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-ended
		s.retire()
	})
	return s
}

// next reads one request with its body; false at the end of the connection.
func (s *scripted) next(in *bufio.Reader) (*http.Request, string, bool) {
	r, err := http.ReadRequest(in)
	if err != nil {
		return nil, "", false
	}
	s.requests.Add(1)
	body, err := io.ReadAll(r.Body)
	return r, string(body), err == nil
}

// send makes one request and reads the whole answer.
func (s *scripted) send(t *testing.T, method, body string) (*http.Response, string, error) {
	t.Helper()
	answer, err := s.RoundTrip(outgoing(t, method, body))
	if err != nil {
		return nil, "", err
	}
	text, err := io.ReadAll(answer.Body)
	return answer, string(text), errors.Join(err, answer.Body.Close())
}

func outgoing(t *testing.T, method, body string) *http.Request {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	var in io.Reader
	if body != "" {
		in = struct{ io.Reader }{strings.NewReader(body)} // of a length that is not known
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://deployment/", in)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestWire_ReadsEveryKindOfAnswerAndIsUsedAgainAfterIt(t *testing.T) {
	for name, c := range map[string]struct {
		method, raw, text string
		closes            bool
	}{
		"a length":              {"GET", "200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello", false},
		"chunks":                {"GET", "200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "hello", false},
		"nothing":               {"GET", "204 No Content\r\n\r\n", "", false},
		"not modified":          {"GET", "304 Not Modified\r\nContent-Length: 5\r\n\r\n", "", false},
		"a head":                {"HEAD", "200 OK\r\nContent-Length: 5\r\n\r\n", "", false},
		"to the end":            {"GET", "200 OK\r\n\r\nhello", "hello", true},
		"the last":              {"GET", "200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello", "hello", true},
		"a word too much after": {"GET", "200 OK\r\nContent-Length: 5\r\n\r\nhello, and more", "hello", true},
	} {
		s := newScripted(t, func(s *scripted, in *bufio.Reader, conn net.Conn) {
			for _, _, more := s.next(in); more; _, _, more = s.next(in) {
				if _, err := io.WriteString(conn, "HTTP/1.1 "+c.raw); err != nil || c.closes && name != "a word too much after" {
					return
				}
			}
		})
		for range 3 {
			if _, text, err := s.send(t, c.method, ""); err != nil || text != c.text {
				t.Errorf("%s: %q, %v", name, text, err)
			}
		}
		if got := s.connections.Load(); got != map[bool]int64{false: 1, true: 3}[c.closes] {
			t.Errorf("%s: %d connections for 3 requests", name, got)
		}
	}
}

func TestWire_PassesInformationAndTrailersOn(t *testing.T) {
	s := newScripted(t, func(s *scripted, in *bufio.Reader, conn net.Conn) {
		s.next(in)
		_, _ = io.WriteString(conn, "HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\nHTTP/1.1 200 OK\r\nTrailer: Sum\r\n"+
			"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nSum: 42\r\n\r\n")
	})
	r, hints := outgoing(t, http.MethodGet, ""), ""
	trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
		hints = fmt.Sprint(code, header.Get("Link"))
		return nil
	}}
	answer, err := s.RoundTrip(r.WithContext(httptrace.WithClientTrace(r.Context(), trace)))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(answer.Body)
	if string(text) != "ok" || err != nil || hints != "103</style.css>" || answer.Trailer.Get("Sum") != "42" {
		t.Errorf("got %q, %v, hints %q, trailers %v", text, err, hints, answer.Trailer)
	}
}

func TestWire_ThatTheTargetClosedMeanwhileIsNotUsed(t *testing.T) {
	closed := make(chan struct{})
	s := newScripted(t, func(s *scripted, in *bufio.Reader, conn net.Conn) {
		s.next(in)
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		_ = conn.Close()
		closed <- struct{}{}
	})
	for n := range 5 { // a POST each time: it may not be sent twice, so none may meet the closed one
		if _, text, err := s.send(t, http.MethodPost, ""); text != "ok" || err != nil {
			t.Errorf("request %d: %q, %v", n, text, err)
		}
		<-closed
		for until := time.Now().Add(time.Minute); len(s.idle) > 0 && s.idle[0].quiet(); runtime.Gosched() {
			if time.Now().After(until) {
				t.Fatal("the end of the connection has not come here")
			}
		}
	}
	if s.requests.Load() != 5 {
		t.Errorf("the target saw %d requests of 5", s.requests.Load())
	}
}

func TestWire_IsTakenWhenASmallBodyIsThereAndNotBefore(t *testing.T) {
	hangUp := make(chan struct{})
	s := newScripted(t, func(s *scripted, in *bufio.Reader, conn net.Conn) {
		if _, _, more := s.next(in); more {
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
			<-hangUp // as a server does that has waited long enough for the next request
		}
	})
	if _, text, err := s.send(t, http.MethodGet, ""); text != "ok" || err != nil {
		t.Fatalf("%q, %v", text, err)
	}
	body, feed := io.Pipe()
	r := outgoing(t, http.MethodPost, "")
	r.Body, r.ContentLength = body, 5
	go func() {
		_, _ = io.WriteString(feed, "or") // a slow client
		close(hangUp)
		for s.idle[0].quiet() {
			time.Sleep(time.Millisecond) // until the target has closed what was kept to it
		}
		_, _ = io.WriteString(feed, "der")
	}()
	answer, err := s.RoundTrip(r)
	if err != nil || answer.StatusCode != http.StatusOK || answer.Body.Close() != nil || s.requests.Load() != 2 {
		t.Errorf("%v, %v; the target saw %d requests", answer, err, s.requests.Load())
	}
}

func TestWire_TellsSilenceFromAnAnswerThatBroke(t *testing.T) {
	for name, c := range map[string]struct {
		raw   string
		reset bool
		again bool
	}{
		"closed without a byte": {"", false, true},
		"reset without a byte":  {"", true, true},
		"half a line":           {"HTTP/1.1 200", false, false},
		"half a head":           {"HTTP/1.1 200 OK\r\nContent-", false, false},
		"another protocol":      {"SSH-2.0-something\r\n", false, false},
	} {
		s := newScripted(t, func(s *scripted, in *bufio.Reader, conn net.Conn) {
			s.next(in)
			_, _ = io.WriteString(conn, c.raw)
			if c.reset {
				_ = conn.(*net.TCPConn).SetLinger(0)
			}
		})
		r := outgoing(t, http.MethodGet, "")
		_, err := s.RoundTrip(r)
		if err == nil || wasReset(err) != c.again || (repeatable(r, err, 1, 1) == causeReset) != c.again {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWire_RefusesAHeadWithoutEnd(t *testing.T) {
	s := newScripted(t, func(s *scripted, in *bufio.Reader, conn net.Conn) {
		s.next(in)
		_, err := io.WriteString(conn, "HTTP/1.1 200 OK\r\n")
		for ; err == nil; _, err = io.WriteString(conn, "X-More: "+strings.Repeat("a", 1000)+"\r\n") {
		}
	})
	if _, _, err := s.send(t, http.MethodGet, ""); !errors.Is(err, errHeadTooBig) {
		t.Errorf("ended with %v", err)
	}
}

func TestWire_TakesAnAnswerThatComesBeforeTheRequestHasEnded(t *testing.T) {
	s := newScripted(t, func(s *scripted, in *bufio.Reader, conn net.Conn) {
		if r, err := http.ReadRequest(in); err == nil {
			_, _ = io.ReadFull(r.Body, make([]byte, 4))
			_, _ = io.WriteString(conn, "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig")
		}
	})
	body, feed := io.Pipe()
	r := outgoing(t, http.MethodPost, "")
	r.Body, r.ContentLength = body, -1
	fed := make(chan error, 1)
	go func() {
		_, err := io.WriteString(feed, "more") // and nothing else
		fed <- err
	}()
	answer, err := s.RoundTrip(r)
	if err != nil || answer.StatusCode != http.StatusRequestEntityTooLarge {
		t.Fatalf("%v, %v", answer, err)
	}
	text, err := io.ReadAll(answer.Body)
	if string(text) != "big" || err != nil || <-fed != nil {
		t.Errorf("%q, %v", text, err)
	}
	if len(s.idle) != 0 {
		t.Error("a connection with half a request on it was kept for another one")
	}
	_ = feed.CloseWithError(io.ErrClosedPipe)
}

func TestWire_IsNoTunnelAsLongAsHalfARequestIsOnIt(t *testing.T) {
	s := newScripted(t, func(s *scripted, in *bufio.Reader, conn net.Conn) {
		if _, err := http.ReadRequest(in); err == nil {
			_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: lines\r\n\r\n")
			_, _ = io.Copy(io.Discard, in)
		}
	})
	body, feed := io.Pipe()
	r := outgoing(t, http.MethodPost, "")
	r.Body, r.ContentLength = body, -1
	go func() {
		for {
			if _, err := io.WriteString(feed, "more"); err != nil {
				return
			}
		}
	}()
	answer, err := s.RoundTrip(r)
	if err == nil {
		t.Errorf("it became one: %s", answer.Status)
		_ = answer.Body.Close()
	}
	_ = body.Close()
}

func TestWire_IsUsedAgainAfterABodyThatWasSent(t *testing.T) {
	s := newScripted(t, func(s *scripted, in *bufio.Reader, conn net.Conn) {
		for _, body, more := s.next(in); more; _, body, more = s.next(in) {
			_, _ = fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		}
	})
	for range 20 {
		if _, text, err := s.send(t, http.MethodPost, "the order"); text != "the order" || err != nil {
			t.Fatalf("%q, %v", text, err)
		}
	}
	if s.connections.Load() != 1 {
		t.Errorf("%d connections for 20 requests one after the other", s.connections.Load())
	}
	s.sweep(time.Now().Add(idleFor))
	if len(s.idle) != 0 {
		t.Errorf("%d connections are kept beyond their time", len(s.idle))
	}
}

func TestWire_EndsWithItsContext(t *testing.T) {
	arrived := make(chan struct{})
	s := newScripted(t, func(s *scripted, in *bufio.Reader, conn net.Conn) {
		s.next(in)
		close(arrived)
		_, _ = in.ReadByte() // until the other side closes
	})
	r := outgoing(t, http.MethodGet, "")
	ctx, cancel := context.WithCancel(r.Context())
	go func() {
		<-arrived
		cancel()
	}()
	if _, err := s.RoundTrip(r.WithContext(ctx)); !errors.Is(err, net.ErrClosed) || wasReset(err) {
		t.Errorf("ended with %v", err)
	}
}

func TestRepeatable_SendsAgainOnlyWhatCannotDoHarm(t *testing.T) {
	dial := &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	reset := silentError{&net.OpError{Op: "read", Err: syscall.ECONNRESET}}
	slow := silentError{&net.OpError{Op: "read", Err: context.DeadlineExceeded}}
	for name, c := range map[string]struct {
		method, body string
		err          error
		tries, of    int
		want         cause
	}{
		"refused":                              {"POST", "order", dial, 1, 1, causeRefused},
		"refused twice by the only one":        {"GET", "", dial, 2, 1, causeNone},
		"refused twice by one of three":        {"POST", "order", dial, 2, 3, causeRefused},
		"refused three times":                  {"GET", "", dial, 3, 9, causeNone},
		"left while dialling":                  {"GET", "", &net.OpError{Op: "dial", Err: context.Canceled}, 1, 2, causeNone},
		"a GET that was reset":                 {"GET", "", reset, 1, 1, causeReset},
		"a DELETE that was reset":              {"DELETE", "", reset, 1, 2, causeReset},
		"a PUT with a body that was reset":     {"PUT", "x", reset, 1, 2, causeNone},
		"a POST that was reset":                {"POST", "", reset, 1, 2, causeNone},
		"a GET that was reset after a refusal": {"GET", "", reset, 2, 2, causeNone},
		"a GET that took its time":             {"GET", "", slow, 1, 2, causeNone},
		"half an answer":                       {"GET", "", io.ErrUnexpectedEOF, 1, 2, causeNone},
	} {
		if got := repeatable(outgoing(t, c.method, c.body), c.err, c.tries, c.of); got != c.want {
			t.Errorf("%s: %q, expected %q", name, got, c.want)
		}
	}
}

func TestBudget_PaysForOneRetryInFiveBeyondAFew(t *testing.T) {
	b, paid := newBudget(), 0
	for range 1000 { // an outage: each request would be repeated
		b.earn()
		if b.spend() {
			paid++
		}
	}
	if paid < 200 || paid > 200+retriesSaved {
		t.Errorf("%d of 1000 requests were repeated", paid)
	}
}
