package router_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"understudy"
	"understudy/internal/router"
)

// witness is an application that writes down every request as it understood it.
func witness(t *testing.T, s *stage) func() []string {
	t.Helper()
	seen := make(chan string, 1000)
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil { // broken off: nobody is answered
			return
		}
		seen <- fmt.Sprintf("%s %s %s %q", r.Method, r.Host, r.RequestURI, body)
		_, _ = io.WriteString(w, "seen")
	}))
	t.Cleanup(app.Close)
	s.add("d1", "tcp:"+app.Listener.Addr().String())
	s.split(all("d1"))
	return func() []string {
		var out []string
		for len(seen) > 0 {
			out = append(out, <-seen)
		}
		return out
	}
}

// conversation sends text and reads until the router closes, as it has to in the end.
func (s *stage) conversation(text string) string {
	s.t.Helper()
	conn := s.connect()
	defer func() { _ = conn.Close() }()
	go func() { _, _ = io.WriteString(conn, text) }() // cut off where it is refused
	answer, _ := io.ReadAll(conn)                     // a reset is an end too
	return string(answer)
}

// TestHostile_NoRequestIsHiddenInAnother sends what two parsers could understand in two
// ways. Either the router refuses it, or the application sees what the router saw: the
// number of its requests is that of the router's answers.
func TestHostile_NoRequestIsHiddenInAnother(t *testing.T) {
	t.Parallel()
	s := newStage(t, router.Front{Limits: understudy.Limits{HeaderTime: 300 * time.Millisecond, Stall: 300 * time.Millisecond}})
	seen := witness(t, s)
	hidden := "GET /hidden HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n"
	head := "POST / HTTP/1.1\r\nHost: shop\r\n"
	cases := map[string]string{
		"length and chunks":          head + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden,
		"chunks and length":          head + "Transfer-Encoding: chunked\r\nContent-Length: 400\r\n\r\n0\r\n\r\n" + hidden,
		"two lengths":                head + "Content-Length: 0\r\nContent-Length: 60\r\n\r\n" + hidden,
		"a list of lengths":          head + "Content-Length: 0, 60\r\n\r\n" + hidden,
		"a signed length":            head + "Content-Length: +0\r\n\r\n" + hidden,
		"a length in hexadecimal":    head + "Content-Length: 0x0\r\n\r\n" + hidden,
		"a length below zero":        head + "Content-Length: -1\r\n\r\n" + hidden,
		"chunks with a space":        head + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + hidden,
		"chunks by another name":     head + "Transfer-Encoding: xchunked\r\nContent-Length: 0\r\n\r\n" + hidden,
		"chunks twice":               head + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n" + hidden,
		"chunks after identity":      head + "Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n" + hidden,
		"a folded header":            head + "Transfer-Encoding:\r\n chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n" + hidden,
		"a folded first header":      "POST / HTTP/1.1\r\n Host: shop\r\n\r\n" + hidden,
		"a chunk of no size":         head + "Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n" + hidden,
		"a chunk of endless size":    head + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nabc\r\n0\r\n\r\n" + hidden,
		"a chunk that ends oddly":    head + "Transfer-Encoding: chunked\r\n\r\n3\r\nabcXX0\r\n\r\n" + hidden,
		"a chunk with a bare feed":   head + "Transfer-Encoding: chunked\r\n\r\n3;a\nb\r\nabc\r\n0\r\n\r\n" + hidden,
		"HTTP/1.0 with chunks":       "POST / HTTP/1.0\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden,
		"a carriage return alone":    "GET / HTTP/1.1\r\nHost: shop\r\nX: a\rGET /hidden HTTP/1.1\r\n\r\n",
		"a zero byte":                "GET / HTTP/1.1\r\nHost: shop\r\nX: a\x00b\r\n\r\n",
		"two hosts":                  "GET / HTTP/1.1\r\nHost: shop\r\nHost: evil\r\n\r\n",
		"no host":                    "GET / HTTP/1.1\r\n\r\n",
		"a host with a path":         "GET / HTTP/1.1\r\nHost: shop/evil\r\n\r\n",
		"a host with a space":        "GET / HTTP/1.1\r\nHost: shop evil\r\n\r\n",
		"a line with a space":        "GET / /hidden HTTP/1.1\r\nHost: shop\r\n\r\n",
		"a method that is none":      "GE(T / HTTP/1.1\r\nHost: shop\r\n\r\n",
		"another version":            "GET / HTTP/9.9\r\nHost: shop\r\n\r\n",
		"a body that ends early":     head + "Content-Length: 100\r\n\r\nshort",
		"an HTTP/2 preface and junk": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + strings.Repeat("\xff", 500),
		"bytes":                      strings.Repeat("\x00\xff\x16\x03\x01", 200),
	}
	for name, text := range cases {
		answers := strings.Count(s.conversation(text), "\r\n\r\nseen")
		requests := seen()
		for _, r := range requests {
			if strings.Contains(r, "HTTP/1.1") {
				t.Errorf("%s: a request was taken for a body: %s", name, r)
			}
		}
		if len(requests) != answers {
			t.Errorf("%s: %d answers, and the application saw %q", name, answers, requests)
		}
		if name != "length and chunks" && name != "chunks and length" && name != "a folded header" && answers > 1 {
			t.Errorf("%s: both were answered", name)
		}
	}
	if _, text := s.get("/"); text != "seen" {
		t.Errorf("afterwards a client got %q", text)
	}
}

// TestHostile_WhateverIsSentOthersAreServed changes good conversations at random.
func TestHostile_WhateverIsSentOthersAreServed(t *testing.T) {
	t.Parallel()
	s, _ := serving(t, router.Front{ProxyFrom: []string{"127.0.0.1"}, Limits: understudy.Limits{HeaderTime: time.Second, Stall: time.Second}})
	good := []string{
		"POST /a?b=c HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\nTrailer: A\r\n\r\n3;x=y\r\nabc\r\n0\r\nA: b\r\n\r\n",
		"GET /upgrade HTTP/1.1\r\nHost: shop\r\nConnection: Upgrade\r\nUpgrade: lines\r\nCookie: understudy-side=5; a=b\r\n\r\nhello\n",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x0d\x01\x05\x00\x00\x00\x01\x82\x86\x84\x41\x04shop\x00\x01a\x01b",
	}
	headers := []string{"PROXY TCP4 10.1.2.3 127.0.0.1 4660 80\r\n", "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\x0a\x01\x02\x04\x7f\x00\x00\x01\x12\x34\x00\x50"}
	dice := rand.New(rand.NewPCG(1, 2))
	var talks sync.WaitGroup
	for range 300 {
		text := []byte(headers[dice.IntN(2)] + good[dice.IntN(len(good))])
		for range dice.IntN(4) {
			text[dice.IntN(len(text))] = byte(dice.IntN(256))
		}
		text = text[:len(text)-dice.IntN(len(text)/2)]
		conn := s.connect()
		talks.Go(func() {
			_, _ = conn.Write(text) // it may be cut off before
			_ = conn.(*net.TCPConn).CloseWrite()
			_, _ = io.Copy(io.Discard, conn)
		})
	}
	talks.Wait()
	s.await("nothing of it is left", func() bool { f := s.front(); return f.Connections == 0 && f.Slots[0].Running+f.Slots[0].Lasting == 0 })
	if _, text := raw(t, s.connect(), headers[0]+plainGet); text != "d1" {
		t.Errorf("afterwards a client got %q", text)
	}
}

func TestHostile_AnAddressThatIsLongOrAbsoluteOrOldGoesWhereItSays(t *testing.T) {
	s := newStage(t, router.Front{})
	s.routes(map[string]string{"shop.example.com": newApp(t, "shop").at(), "admin.example.com": newApp(t, "admin").at(), "": newApp(t, "any").at()})
	cases := map[string]string{
		"GET http://admin.example.com/x HTTP/1.1\r\nHost: shop.example.com\r\nConnection: close\r\n\r\n": "admin", // RFC 9112, 3.2.2
		"GET / HTTP/1.0\r\n\r\n":                                                                                    "any",
		"GET / HTTP/1.0\r\nHost: shop.example.com\r\n\r\n":                                                          "shop",
		"GET / HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n":                                                      "any",
		"OPTIONS * HTTP/1.1\r\nHost: shop.example.com\r\nConnection: close\r\n\r\n":                                 "",
		"CONNECT shop.example.com:443 HTTP/1.1\r\nHost: shop.example.com:443\r\nConnection: close\r\n\r\n":          "405",
		"GET /" + strings.Repeat("a", 60<<10) + " HTTP/1.1\r\nHost: shop.example.com\r\nConnection: close\r\n\r\n":  "shop",
		"GET /" + strings.Repeat("a", 100<<10) + " HTTP/1.1\r\nHost: shop.example.com\r\nConnection: close\r\n\r\n": "431",
		"GET /../admin HTTP/1.1\r\nHost: shop.example.com\r\nConnection: close\r\n\r\n":                             "307",
		"GET //admin.example.com/ HTTP/1.1\r\nHost: shop.example.com\r\nConnection: close\r\n\r\n":                  "307",
		"GET /%00%0d%0a HTTP/1.1\r\nHost: shop.example.com\r\nConnection: close\r\n\r\n":                            "shop",
	}
	for text, want := range cases {
		if got := s.conversation(text); !strings.Contains(got, want) {
			t.Errorf("%.100q got %.200q, expected %s", text, got, want)
		}
	}
}

func TestHostile_NoSpellingOfAForwardedHeaderArrivesFromAStranger(t *testing.T) {
	s, a := serving(t, router.Front{Trusted: []string{"10.0.0.0/8"}})
	spoofed := []string{"X-Forwarded-For", "x-forwarded-for", "X_Forwarded_For", "X-Forwarded_For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port",
		"X-Forwarded-Prefix", "X-Forwarded-Ssl", "X-Forwarded-User", "X-Real-IP", "X_REAL_IP", "Forwarded", "FORWARDED", "X-Request-Id", "X_Request_Id",
		"X-Original-URL", "X-Rewrite-URL", "X-Client-IP", "True-Client-IP"}
	var text bytes.Buffer
	text.WriteString("GET / HTTP/1.1\r\nHost: shop\r\nX_Custom: kept\r\nConnection: close, X-Forwarded-For, X-Request-Id\r\n")
	for _, name := range spoofed {
		fmt.Fprintf(&text, "%s: 6.6.6.6\r\n", name)
	}
	if got := s.conversation(text.String() + "\r\n"); !strings.Contains(got, "d1") {
		t.Fatalf("answered %q", got)
	}
	header := a.seen.Load().Header
	for name, values := range header {
		if strings.Contains(strings.Join(values, ","), "6.6.6.6") {
			t.Errorf("%s arrived as %v", name, values)
		}
	}
	if header.Get("X-Forwarded-For") != "127.0.0.1" || header.Get("X-Forwarded-Proto") != "http" || header.Get("X-Request-Id") == "" || header["X_custom"] == nil {
		t.Errorf("the application saw %v", header)
	}
}

func TestForwarded_ATrustedPeersChainIsGoneOnWith(t *testing.T) {
	s, a := serving(t, router.Front{Trusted: []string{"127.0.0.1"}})
	s.get("/", "Forwarded", `for=10.1.1.1;proto=https`, "X-Real-Ip", "10.1.1.1")
	if got := strings.Join(a.seen.Load().Header["Forwarded"], ", "); got != `for=10.1.1.1;proto=https, for=127.0.0.1;host="`+s.address+`";proto=http` {
		t.Errorf("it arrived as %q", got)
	}
	if got := a.seen.Load().Header.Get("X-Real-Ip"); got != "10.1.1.1" {
		t.Errorf("X-Real-Ip arrived as %q", got)
	}
}

func TestServe_TrailersGoThroughBothWays(t *testing.T) {
	a := newAuthority(t)
	s := newStage(t, router.Front{TLS: a.pair(folder(t), 24*time.Hour, "shop.example.com")})
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Trailer", "Grpc-Status")
		w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
		_, _ = w.Write(append(body, []byte(" te="+r.Header.Get("Te")+" sum="+r.Trailer.Get("Sum"))...))
		w.Header().Set("Grpc-Status", "0")
		w.Header().Set(http.TrailerPrefix+"Grpc-Message", "unannounced")
	}))
	t.Cleanup(app.Close)
	s.routes(map[string]string{"shop.example.com": "tcp:" + app.Listener.Addr().String()})
	body, feed := io.Pipe()
	r, err := http.NewRequestWithContext(deadline(t), http.MethodPost, "https://shop.example.com/pkg.Service/Call", body)
	check(t, err)
	r.Header.Set("Te", "trailers")
	r.Header.Set("Content-Type", "application/grpc")
	r.Trailer = http.Header{"Sum": nil}
	go func() {
		_, _ = io.WriteString(feed, "call")
		r.Trailer.Set("Sum", "4")
		_ = feed.Close()
	}()
	answer, err := a.client(s).Do(r)
	check(t, err)
	text, err := io.ReadAll(answer.Body)
	check(t, err)
	check(t, answer.Body.Close())
	if string(text) != "call te=trailers sum=4" || answer.Trailer.Get("Grpc-Status") != "0" || answer.Trailer.Get("Grpc-Message") != "unannounced" || answer.ProtoMajor != 2 {
		t.Errorf("over %s: %q, trailers %v", answer.Proto, text, answer.Trailer)
	}
}

func TestServe_AClientThatNeverReadsIsGivenUp(t *testing.T) {
	s := newStage(t, router.Front{Limits: understudy.Limits{Stall: 300 * time.Millisecond}})
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for part := make([]byte, 1<<20); ; {
			if _, err := w.Write(part); err != nil {
				return
			}
		}
	}))
	t.Cleanup(app.Close)
	s.add("d1", "tcp:"+app.Listener.Addr().String())
	s.split(all("d1"))
	conn, err := net.Dial("tcp", s.address)
	check(t, err)
	defer func() { check(t, conn.Close()) }()
	_, err = io.WriteString(conn, plainGet)
	check(t, err)
	_, err = bufio.NewReader(conn).ReadByte()
	check(t, err)
	s.await("its request has ended", func() bool { f := s.front(); return f.Slots[0].Running == 0 && f.Connections == 0 })
}
