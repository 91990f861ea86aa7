package router_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"understudy"
	"understudy/internal/router"
)

// connect makes a connection to the stage that is given up on after a while.
func (s *stage) connect() net.Conn {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.address)
	check(s.t, err)
	s.t.Cleanup(func() { _ = conn.Close() })
	check(s.t, conn.SetDeadline(time.Now().Add(time.Minute)))
	return conn
}

const plainGet = "GET / HTTP/1.1\r\nHost: shop\r\n\r\n"

func TestLimits_ABodyThatIsTooLargeIsRefusedBeforeItIsReadOrWhereItBecomesSo(t *testing.T) {
	s, a := serving(t, router.Front{Limits: understudy.Limits{Body: 1000}})
	conn := s.connect()
	answer, _ := raw(t, conn, "POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n\r\n")
	if answer.StatusCode != http.StatusRequestEntityTooLarge || !answer.Close || a.seen.Load() != nil {
		t.Errorf("one that says so: %s, close %t; the application saw %v", answer.Status, answer.Close, a.seen.Load())
	}
	chunk := "400\r\n" + strings.Repeat("a", 1024) + "\r\n"
	answer, _ = raw(t, s.connect(), "POST / HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\n"+chunk)
	if answer.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("one that becomes so: %s", answer.Status)
	}
	if answer, text := s.do(http.MethodPost, "/", strings.NewReader(strings.Repeat("a", 1000))); text != "d1" {
		t.Errorf("one of just the limit: %s", answer.Status)
	}
	front := s.front()
	check(t, s.Open(deadline(t), router.Front{Name: "shop", Listen: front.Listen, Limits: understudy.Limits{Body: -1}}))
	if answer, text := s.do(http.MethodPost, "/", strings.NewReader(strings.Repeat("a", 5000))); text != "d1" {
		t.Errorf("with any allowed: %s", answer.Status)
	}
}

func TestLimits_AClientThatStopsSendingIsGivenUp(t *testing.T) {
	s, _ := serving(t, router.Front{Limits: understudy.Limits{Stall: 200 * time.Millisecond}})
	answer, _ := raw(t, s.connect(), "POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: 100\r\n\r\nhalf")
	if answer.StatusCode != http.StatusRequestTimeout || !answer.Close {
		t.Errorf("a body that stops: %s, close %t", answer.Status, answer.Close)
	}
}

func TestLimits_OthersHoldForTheNextConnectionWithoutARestart(t *testing.T) {
	s, _ := serving(t, router.Front{})
	old := s.connect()
	raw(t, old, plainGet)
	check(t, s.Open(deadline(t), router.Front{Name: "shop", Listen: s.address, Limits: understudy.Limits{Header: 4096}}))
	large := "GET / HTTP/1.1\r\nHost: shop\r\nX-Large: " + strings.Repeat("a", 16<<10) + "\r\n\r\n"
	if answer, _ := raw(t, s.connect(), large); answer.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a new connection with headers of 16 KiB got %s", answer.Status)
	}
	if answer, text := raw(t, old, large); text != "d1" {
		t.Errorf("one from before got %s", answer.Status)
	}
}

func TestLimits_TheLongestIdleConnectionMakesRoomAndWithoutOneTheNewIsRefused(t *testing.T) {
	s, a := serving(t, router.Front{Limits: understudy.Limits{Connections: 2}})
	first, second := s.connect(), s.connect()
	for n, conn := range []net.Conn{first, second} {
		raw(t, conn, plainGet)
		s.await("it is idle", func() bool { return s.front().Idle == n+1 })
	}
	third := s.connect()
	if _, text := raw(t, third, plainGet); text != "d1" {
		t.Errorf("the third connection got %q", text)
	}
	if _, err := first.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the connection that was idle the longest is still there")
	}
	for _, busy := range []net.Conn{second, third} {
		_, err := io.WriteString(busy, "GET /wait HTTP/1.1\r\nHost: shop\r\n\r\n")
		check(t, err)
	}
	s.await("both are busy", func() bool { return s.front().Slots[0].Running == 2 })
	answer, text := raw(t, s.connect(), plainGet)
	if answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") == "" || s.front().Refused != 1 {
		t.Errorf("with nobody idle: %s %q, %d refused", answer.Status, text, s.front().Refused)
	}
	close(a.holds)
	for _, busy := range []net.Conn{second, third} {
		if answer, err := http.ReadResponse(bufio.NewReader(busy), nil); err != nil || answer.StatusCode != http.StatusOK {
			t.Errorf("a connection that was busy got %v, %v", answer, err)
		}
	}
}

func TestLimits_OneClientCannotTakeThePlacesOfOthers(t *testing.T) {
	s, _ := serving(t, router.Front{ProxyFrom: []string{"127.0.0.1"}, Limits: understudy.Limits{PerClient: 2}})
	from := func(client string) net.Conn {
		conn := s.connect()
		_, err := io.WriteString(conn, "PROXY TCP4 "+client+" 127.0.0.1 4660 80\r\n")
		check(t, err)
		return conn
	}
	for range 2 {
		_, err := io.WriteString(from("10.0.0.1"), "GET /wait HTTP/1.1\r\nHost: shop\r\n\r\n")
		check(t, err)
	}
	s.await("its two places are busy", func() bool { return s.front().Slots[0].Running == 2 })
	if answer, _ := raw(t, from("10.0.0.1"), plainGet); answer.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("its third connection got %s", answer.Status)
	}
	sixth := func(client string) net.Conn {
		conn := s.connect()
		_, err := io.WriteString(conn, "PROXY TCP6 "+client+" ::1 4660 80\r\n")
		check(t, err)
		return conn
	}
	for _, client := range []string{"2001:db8::1", "2001:db8::2"} {
		_, err := io.WriteString(sixth(client), "GET /wait HTTP/1.1\r\nHost: shop\r\n\r\n")
		check(t, err)
	}
	s.await("two of one network are busy", func() bool { return s.front().Slots[0].Running == 4 })
	if answer, _ := raw(t, sixth("2001:db8::3"), plainGet); answer.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a third address of the same network got %s", answer.Status)
	}
	if answer, text := raw(t, sixth("2001:db8:0:1::1"), plainGet); text != "d1" {
		t.Errorf("another network got %s", answer.Status)
	}
	if answer, text := raw(t, from("10.0.0.2"), plainGet); text != "d1" {
		t.Errorf("another client got %s", answer.Status)
	}
}

func TestLimits_AConnectionIsClosedAfterItsRequests(t *testing.T) {
	s, _ := serving(t, router.Front{Limits: understudy.Limits{Requests: 3}})
	conn := s.connect()
	in := bufio.NewReader(conn)
	for n := 1; n <= 3; n++ {
		_, err := io.WriteString(conn, plainGet)
		check(t, err)
		answer, err := http.ReadResponse(in, nil)
		check(t, err)
		_, err = io.Copy(io.Discard, answer.Body)
		check(t, err)
		if answer.Close != (n == 3) {
			t.Errorf("answer %d says close: %t", n, answer.Close)
		}
	}
	if _, err := in.ReadByte(); err != io.EOF {
		t.Errorf("then the connection gave %v", err)
	}
}

func TestLimits_AClientThatTakesBackItsRequestsAgainAndAgainIsCutOff(t *testing.T) {
	s, a := serving(t, router.Front{})
	conn := s.connect()
	_, err := io.WriteString(conn, http2.ClientPreface)
	check(t, err)
	framer := http2.NewFramer(conn, conn)
	check(t, framer.WriteSettings())
	go func() { // what the server says
		for err := error(nil); err == nil; {
			_, err = framer.ReadFrame()
		}
	}()
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	sent := 0
	for err := error(nil); err == nil && sent < 100_000; sent++ {
		block.Reset()
		for _, field := range []string{":method GET", ":scheme http", ":authority shop", ":path /wait"} {
			name, value, _ := strings.Cut(field, " ")
			check(t, encoder.WriteField(hpack.HeaderField{Name: name, Value: value}))
		}
		id := uint32(2*sent + 1)
		err = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block.Bytes(), EndStream: true, EndHeaders: true})
		if err == nil {
			err = framer.WriteRSTStream(id, http2.ErrCodeCancel)
		}
	}
	if sent == 100_000 {
		t.Error("a client took back 100,000 requests on one connection")
	}
	s.await("nothing of it is left", func() bool { return s.front().Slots[0].Running == 0 })
	if _, text := s.get("/"); text != "d1" {
		t.Errorf("afterwards another client got %q", text)
	}
	close(a.holds)
}

func TestProxyProtocol_TellsTheClientAndIsBelievedOfNamedPeersOnly(t *testing.T) {
	s, a := serving(t, router.Front{ProxyFrom: []string{"127.0.0.1"}, Trusted: []string{"10.9.9.9"}, Limits: understudy.Limits{HeaderTime: time.Second}})
	cases := map[string]string{
		"PROXY TCP4 10.1.2.3 127.0.0.1 4660 80\r\n": "10.1.2.3",
		"PROXY UNKNOWN\r\n":                         "127.0.0.1",
		"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\x0a\x01\x02\x04\x7f\x00\x00\x01\x12\x34\x00\x50": "10.1.2.4",
		"PROXY TCP4 10.9.9.9 127.0.0.1 4660 80\r\n":                                              "6.6.6.6, 10.9.9.9",
	}
	for header, want := range cases {
		if _, text := raw(t, s.connect(), header+"GET / HTTP/1.1\r\nHost: shop\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n"); text != "d1" {
			t.Errorf("%q: %q", header, text)
		}
		if got := a.seen.Load().Header.Get("X-Forwarded-For"); got != want {
			t.Errorf("%q: the client arrived as %q, expected %q", header, got, want)
		}
	}
	for _, without := range []string{plainGet, "", "PROXY TCP4 nonsense\r\n" + plainGet, "PROX"} {
		conn := s.connect()
		_, err := io.WriteString(conn, without)
		check(t, err)
		if text, err := io.ReadAll(conn); len(text) > 0 {
			t.Errorf("a named peer that begins with %q was answered %q, %v", without, text, err)
		}
	}
	check(t, s.Open(deadline(t), router.Front{Name: "shop", Listen: s.address, ProxyFrom: []string{"10.0.0.0/8"}}))
	if answer, _ := raw(t, s.connect(), "PROXY TCP4 10.1.2.3 127.0.0.1 4660 80\r\n"+plainGet); answer.StatusCode != http.StatusBadRequest {
		t.Errorf("of a peer that is not named it got %s", answer.Status)
	}
	if answer, _ := raw(t, s.connect(), plainGet); answer.StatusCode != http.StatusOK {
		t.Errorf("a peer that is not named got %s", answer.Status)
	}
}

func TestProxyProtocol_GoesBeforeTLS(t *testing.T) {
	a := newAuthority(t)
	s := newStage(t, router.Front{TLS: a.pair(folder(t), 24*time.Hour, "shop.example.com"), ProxyFrom: []string{"127.0.0.1"}})
	app := newApp(t, "shop")
	s.routes(map[string]string{"shop.example.com": app.at()})
	client := a.client(s)
	client.Transport.(*http.Transport).DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.address)
		if err == nil {
			_, err = fmt.Fprintf(conn, "PROXY TCP6 2001:db8::1 2001:db8::2 4660 443\r\n")
		}
		return conn, err
	}
	answer, err := client.Get("https://shop.example.com/")
	check(t, err)
	check(t, answer.Body.Close())
	if got := app.seen.Load().Header.Get("X-Forwarded-For"); got != "2001:db8::1" || answer.ProtoMajor != 2 {
		t.Errorf("over %s the client arrived as %q", answer.Proto, got)
	}
}
