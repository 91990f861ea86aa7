package router_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"understudy"
	"understudy/internal/router"
)

// serving is a stage on which one app serves.
func serving(t *testing.T, front router.Front) (*stage, *app) {
	t.Helper()
	s := newStage(t, front)
	a := newApp(t, "d1")
	s.add("d1", a.at())
	s.split(all("d1"))
	return s, a
}

func TestServe_ForwardsWhatItSawAndNotWhatClientsClaim(t *testing.T) {
	s, a := serving(t, router.Front{})
	s.get("/a%2Fb/?q=1;2&=&x=%zz", "X-Forwarded-For", "6.6.6.6", "X-Forwarded-Proto", "https", "X-Forwarded-Host", "evil",
		"Forwarded", "for=6.6.6.6", "X-Request-Id", "mine", "Connection", "X-Hop", "X-Hop", "1", "Cookie", "a=1; understudy-side=5; b=2")
	seen := a.seen.Load()
	for name, want := range map[string]string{"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "http", "X-Forwarded-Host": s.address,
		"Forwarded": "", "X-Hop": "", "Cookie": "a=1; b=2", "User-Agent": "Go-http-client/1.1", "Accept-Encoding": ""} {
		if got := seen.Header.Get(name); got != want {
			t.Errorf("%s arrived as %q, expected %q", name, got, want)
		}
	}
	if seen.RequestURI != "/a%2Fb/?q=1;2&=&x=%zz" || seen.Host != s.address {
		t.Errorf("the request arrived as %q of host %q", seen.RequestURI, seen.Host)
	}
	if id := seen.Header.Get("X-Request-Id"); id == "" || id == "mine" {
		t.Errorf("the request id is %q", id)
	}
}

func TestServe_BelievesATrustedPeer(t *testing.T) {
	s, a := serving(t, router.Front{Trusted: []string{"127.0.0.0/8"}})
	s.get("/", "X-Forwarded-For", "10.1.1.1", "X-Forwarded-Proto", "https", "X-Forwarded-Host", "shop.example", "X-Request-Id", "mine")
	seen := a.seen.Load()
	for name, want := range map[string]string{"X-Forwarded-For": "10.1.1.1, 127.0.0.1", "X-Forwarded-Proto": "https",
		"X-Forwarded-Host": "shop.example", "X-Request-Id": "mine"} {
		if got := seen.Header.Get(name); got != want {
			t.Errorf("%s arrived as %q, expected %q", name, got, want)
		}
	}
}

func TestServe_MarksStagingAndNotProduction(t *testing.T) {
	production, _ := serving(t, router.Front{})
	answer, _ := production.get("/")
	for _, name := range []string{"X-Understudy-Release", "X-Robots-Tag", "X-Request-Id", "Set-Cookie"} {
		if got := answer.Header.Get(name); got != "" {
			t.Errorf("production answers with %s: %s", name, got)
		}
	}
	staging, a := serving(t, router.Front{Mark: true})
	if answer, _ = staging.get("/"); answer.Header.Get("X-Understudy-Release") != "r-d1" || answer.Header.Get("X-Robots-Tag") != "noindex, nofollow" {
		t.Errorf("staging answers with %v", answer.Header)
	}
	a.stop()
	if answer, _ = staging.get("/"); answer.StatusCode != http.StatusBadGateway || answer.Header.Get("X-Robots-Tag") == "" {
		t.Errorf("staging's own pages carry %v", answer.Header)
	}
}

func TestGate_LetsInWhoBringsTheTokenAndKeepsItFromTheApplication(t *testing.T) {
	const token = "a-long-and-random-token"
	s, a := serving(t, router.Front{Mark: true, Gate: router.GateFor(token)})
	for _, header := range [][]string{nil, {"Authorization", "Bearer wrong"}, {"Cookie", "understudy-gate=wrong"}, {"Authorization", "Basic " + token}} {
		answer, text := s.get("/", header...)
		if answer.StatusCode != http.StatusUnauthorized || answer.Header.Get("X-Robots-Tag") == "" || a.seen.Load() != nil {
			t.Errorf("with %v: %s %q", header, answer.Status, text)
		}
	}
	if _, text := s.get("/", "Authorization", "Bearer "+token); text != "d1" || a.seen.Load().Header.Get("Authorization") != "" {
		t.Errorf("with the token: %q; the application saw %v", text, a.seen.Load().Header)
	}
	answer, page := s.get("/", "Accept", "text/html")
	if answer.StatusCode != http.StatusUnauthorized || !strings.Contains(page, "<form") {
		t.Errorf("a browser is shown %s %q", answer.Status, page)
	}
	form := url.Values{"token": {token}}.Encode()
	answer, _ = s.do(http.MethodPost, "/.understudy/sign-in", strings.NewReader(form), "Content-Type", "application/x-www-form-urlencoded")
	if answer.StatusCode != http.StatusSeeOther || len(answer.Cookies()) != 1 || !answer.Cookies()[0].HttpOnly {
		t.Fatalf("signing in: %s %v", answer.Status, answer.Header)
	}
	cookie := answer.Cookies()[0]
	if _, text := s.get("/", "Cookie", cookie.Name+"="+cookie.Value, "Authorization", "Bearer the-application's"); text != "d1" ||
		a.seen.Load().Header.Get("Authorization") != "Bearer the-application's" || a.seen.Load().Header.Get("Cookie") != "" {
		t.Errorf("signed in: %q; the application saw %v", text, a.seen.Load().Header)
	}
	raw, err := os.ReadFile(s.folder + "/state.json")
	check(t, err)
	if strings.Contains(string(raw), token) {
		t.Error("the state file holds the token")
	}
}

func TestServe_RoutesByTheLongestPrefix(t *testing.T) {
	s := newStage(t, router.Front{})
	web, api := newApp(t, "web"), newApp(t, "api")
	routes := []router.Route{{Prefix: "/shop", Addresses: []string{web.at()}}, {Prefix: "/shop/api", Addresses: []string{api.at()}}}
	check(t, s.Add(deadline(t), "shop", router.Slot{Deployment: "d1", Release: "v1", Routes: routes}))
	s.split(all("d1"))
	for path, want := range map[string]string{"/shop": "web", "/shop/cart": "web", "/shop/api/x": "api", "/shop/apiary": "web",
		"/": "nothing is deployed at this path\n"} {
		if _, text := s.get(path); text != want {
			t.Errorf("%s was answered by %q, expected %q", path, text, want)
		}
	}
}

func TestServe_ReachesATargetOnAUnixSocket(t *testing.T) {
	s := newStage(t, router.Front{})
	listener, err := net.Listen("unix", s.folder+"/web")
	check(t, err)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "unix") }))
	check(t, server.Listener.Close())
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	s.add("d1", "unix:"+s.folder+"/web")
	s.split(all("d1"))
	if _, text := s.get("/"); text != "unix" {
		t.Errorf("the target on a socket answered %q", text)
	}
}

func TestServe_SpeaksHTTP2ToClientsThatBeginWithIt(t *testing.T) {
	s, _ := serving(t, router.Front{})
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: &protocols}
	defer transport.CloseIdleConnections()
	answer, err := (&http.Client{Transport: transport}).Get("http://" + s.address)
	check(t, err)
	text, err := io.ReadAll(answer.Body)
	check(t, err)
	check(t, answer.Body.Close())
	if answer.ProtoMajor != 2 || string(text) != "d1" {
		t.Errorf("answered with %s %q", answer.Proto, text)
	}
}

func TestServe_SaysPlainlyThatTheApplicationDoesNotAnswerAndCountsIt(t *testing.T) {
	s, a := serving(t, router.Front{})
	check(t, s.ResetFigures(deadline(t), "shop"))
	s.get("/")
	s.get("/fail")
	transport := &http.Transport{DisableKeepAlives: true}
	if answer, err := transport.RoundTrip(httptest.NewRequest(http.MethodGet, "http://"+s.address+"/abort", nil)); err == nil {
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusBadGateway {
			t.Errorf("an answer that was broken off became %s", answer.Status)
		}
	}
	a.stop()
	answer, text := s.do(http.MethodPost, "/", strings.NewReader("an order"))
	if answer.StatusCode != http.StatusBadGateway || text != "the application does not answer right now\n" {
		t.Errorf("of an application that is gone: %s %q", answer.Status, text)
	}
	served, err := s.Figures(deadline(t), "shop")
	check(t, err)
	if len(served) != 1 || served[0].Release != "r-d1" || served[0].Requests != 4 || served[0].Errors != 3 || served[0].P99 <= 0 {
		t.Errorf("figures: %+v", served)
	}
	var timed int64
	for _, bucket := range served[0].Latency {
		timed += bucket.Count
	}
	if timed != 4 || served[0].Peak != 1 || served[0].InFlight <= 0 || served[0].InFlight >= 1 || served[0].Seconds <= 0 {
		t.Errorf("times of 4 requests that came one by one: %+v", served)
	}
	if s.front().Slots[0].RefusedFor <= 0 {
		t.Error("the state does not say that the target refuses")
	}
	check(t, s.ResetFigures(deadline(t), "shop"))
	if served, err := s.Figures(deadline(t), "shop"); err != nil || served[0].Requests != 0 {
		t.Errorf("after the reset: %+v, %v", served, err)
	}
	text = s.metrics()
	for _, want := range []string{`understudy_router_requests_total{class="2xx",deployment="d1",front="shop",release="r-d1"} 1`,
		`understudy_router_errors_total{deployment="d1",front="shop",release="r-d1"} 3`,
		`understudy_router_request_seconds_count{deployment="d1",front="shop",release="r-d1"} 4`} {
		if !strings.Contains(text, want) {
			t.Errorf("metrics lack %s:\n%s", want, text)
		}
	}
}

func (s *stage) metrics() string {
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", s.folder+"/s")
	}}
	answer, err := (&http.Client{Transport: transport}).Get("http://router/metrics")
	check(s.t, err)
	text, err := io.ReadAll(answer.Body)
	check(s.t, err)
	check(s.t, answer.Body.Close())
	return string(text)
}

func TestServe_PassesEventsOnAsTheyCome(t *testing.T) {
	s, a := serving(t, router.Front{})
	answer, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Get("http://" + s.address + "/events")
	check(t, err)
	defer func() { check(t, answer.Body.Close()) }()
	events := bufio.NewReader(answer.Body)
	if text, err := events.ReadString('\n'); text != "data: one\n" { // would wait for ever, were it not flushed
		t.Fatalf("the first event is %q, %v", text, err)
	}
	if slot := s.front().Slots[0]; slot.Lasting != 1 || slot.Running != 0 {
		t.Errorf("an event stream counts as lasting, found %+v", slot)
	}
	close(a.holds)
	if rest, err := io.ReadAll(events); !strings.Contains(string(rest), "two") {
		t.Errorf("then came %q, %v", rest, err)
	}
}

func TestServe_StreamsBodiesBothWays(t *testing.T) {
	s := newStage(t, router.Front{})
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		check(t, http.NewResponseController(w).EnableFullDuplex())
		w.WriteHeader(http.StatusOK)
		check(t, http.NewResponseController(w).Flush())
		part := make([]byte, 64)
		for n, err := r.Body.Read(part); err == nil || n > 0; n, err = r.Body.Read(part) {
			_, _ = w.Write(part[:n])
			_ = http.NewResponseController(w).Flush()
		}
	}))
	t.Cleanup(echo.Close)
	s.add("d1", "tcp:"+echo.Listener.Addr().String())
	s.split(all("d1"))
	body, feed := io.Pipe()
	answer, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Post("http://"+s.address, "text/plain", body)
	check(t, err)
	defer func() { check(t, answer.Body.Close()) }()
	part := make([]byte, 4)
	for range 20 { // each part comes back before the next is sent
		_, err := io.WriteString(feed, "part")
		check(t, err)
		_, err = io.ReadFull(answer.Body, part)
		check(t, err)
	}
	check(t, feed.Close())
	_, err = io.ReadAll(answer.Body)
	check(t, err)
}

func TestServe_AnswersAClientThatHoldsBackItsBody(t *testing.T) {
	s := newStage(t, router.Front{})
	refuses := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close") // it does not read what it does not want
		http.Error(w, "too large", http.StatusRequestEntityTooLarge)
	}))
	t.Cleanup(refuses.Close)
	s.add("d1", "tcp:"+refuses.Listener.Addr().String())
	s.split(all("d1"))
	conn, err := net.Dial("tcp", s.address)
	check(t, err)
	defer func() { check(t, conn.Close()) }()
	_, err = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: 1000000\r\n\r\nthe rest comes never")
	check(t, err)
	check(t, conn.SetReadDeadline(time.Now().Add(4*time.Second))) // less than what is left over may take
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	check(t, err)
	text, err := io.ReadAll(answer.Body)
	if answer.StatusCode != http.StatusRequestEntityTooLarge || string(text) != "too large\n" || err != nil {
		t.Errorf("it was answered %s, %q, %v", answer.Status, text, err)
	}
}

func TestServe_GivesUpOnHeadersThatCrawlOrGrowAndServesOthers(t *testing.T) {
	s, _ := serving(t, router.Front{Limits: understudy.Limits{HeaderTime: time.Second}})
	begun := time.Now()
	slow, err := net.Dial("tcp", s.address)
	check(t, err)
	defer func() { check(t, slow.Close()) }()
	_, err = io.WriteString(slow, "GET / HTTP/1.1\r\nHost: shop\r\nX-A: ")
	check(t, err)
	answer, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(&http.Request{Method: http.MethodGet,
		URL: &url.URL{Scheme: "http", Host: s.address}, Header: http.Header{"X-Big": {strings.Repeat("a", 128<<10)}}})
	if err == nil {
		check(t, answer.Body.Close())
		if answer.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("headers of 128 KiB got %s", answer.Status)
		}
	}
	if _, text := s.get("/"); text != "d1" {
		t.Errorf("meanwhile another client got %q", text)
	}
	check(t, slow.SetReadDeadline(time.Now().Add(30*time.Second)))
	text, err := io.ReadAll(slow)
	if err != nil || time.Since(begun) < 500*time.Millisecond {
		t.Errorf("the crawling client was ended after %s: %q, %v", time.Since(begun), text, err)
	}
}

func TestAccessLog_TellsEachRequestAndNothingSecret(t *testing.T) {
	dir := folder(t)
	s := &stage{t: t, folder: dir, Client: &router.Client{Socket: dir + "/s"}}
	stop := s.run(router.Config{State: dir, Control: dir + "/s"})
	s.open(router.Front{})
	s.add("d1", newApp(t, "d1").at())
	s.split(all("d1"))
	s.get("/account?email=jo@example.com", "Cookie", "session=s3cret", "Authorization", "Bearer s3cret")
	s.get("/fail")
	stop()
	raw, err := os.ReadFile(dir + "/access.log")
	check(t, err)
	for _, secret := range []string{"example.com", "s3cret", "127.0.0.1"} {
		if strings.Contains(string(raw), secret) {
			t.Errorf("the access log holds %q:\n%s", secret, raw)
		}
	}
	var first struct {
		Release, Method, Path, Request string
		Status                         int
	}
	check(t, json.Unmarshal([]byte(strings.SplitN(string(raw), "\n", 2)[0]), &first))
	if first.Release != "r-d1" || first.Method != "GET" || first.Path != "/account" || first.Status != 200 || first.Request == "" {
		t.Errorf("the first line says %+v", first)
	}
}
