package router_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"understudy"
	"understudy/internal/router"
)

// authority signs certificates that its clients trust.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	check(t, err)
	cert, err := x509.ParseCertificate(raw)
	check(t, err)
	a := &authority{t: t, cert: cert, key: key, pool: x509.NewCertPool()}
	a.pool.AddCert(cert)
	return a
}

func (a *authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

// pair writes a certificate for hosts and its key into files.
func (a *authority) pair(dir string, left time.Duration, hosts ...string) *understudy.TLS {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(a.t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), DNSNames: hosts, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(left)}
	raw, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	check(a.t, err)
	secret, err := x509.MarshalECPrivateKey(key)
	check(a.t, err)
	files := &understudy.TLS{Cert: dir + "/cert.pem", Key: dir + "/key.pem"}
	check(a.t, os.WriteFile(files.Cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}), 0o600))
	check(a.t, os.WriteFile(files.Key, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: secret}), 0o600))
	return files
}

// dial makes a TLS connection to the stage for a name.
func (a *authority) dial(s *stage, name string, protocols ...string) (*tls.Conn, error) {
	a.t.Helper()
	conn, err := tls.Dial("tcp", s.address, &tls.Config{RootCAs: a.pool, ServerName: name, NextProtos: protocols})
	if err == nil {
		a.t.Cleanup(func() { _ = conn.Close() })
		check(a.t, conn.SetDeadline(time.Now().Add(30*time.Second)))
	}
	return conn, err
}

// client speaks HTTP/2 by agreement to the stage, whatever the name.
func (a *authority) client(s *stage) *http.Client {
	transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: a.pool}}
	transport.DialContext = (&dialTo{s.address}).dial
	a.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func (a *authority) get(s *stage, url string, header ...string) (*http.Response, string) {
	a.t.Helper()
	r, err := http.NewRequestWithContext(deadline(a.t), http.MethodGet, url, nil)
	check(a.t, err)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := a.client(s).Do(r)
	check(a.t, err)
	text, err := io.ReadAll(answer.Body)
	check(a.t, err)
	check(a.t, answer.Body.Close())
	return answer, string(text)
}

// raw sends text on a connection and reads one answer.
func raw(t *testing.T, conn net.Conn, text string) (*http.Response, string) {
	t.Helper()
	_, err := io.WriteString(conn, text)
	check(t, err)
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	check(t, err)
	body, err := io.ReadAll(answer.Body)
	check(t, err)
	return answer, string(body)
}

// twoHosts is a stage over TLS with an app for each of two hosts.
func twoHosts(t *testing.T, a *authority, hosts ...string) *stage {
	t.Helper()
	s := newStage(t, router.Front{TLS: a.pair(folder(t), 24*time.Hour, hosts...)})
	s.routes(map[string]string{"shop.example.com": newApp(t, "shop").at(), "admin.example.com": newApp(t, "admin").at()})
	return s
}

// routes deploys d1 with a route for each host.
func (s *stage) routes(hosts map[string]string) {
	s.t.Helper()
	slot := router.Slot{Deployment: "d1", Release: "r-d1"}
	for host, at := range hosts {
		slot.Routes = append(slot.Routes, router.Route{Host: host, Prefix: "/", Addresses: []string{at}})
	}
	check(s.t, s.Add(deadline(s.t), "shop", slot))
	s.split(all("d1"))
}

func TestServe_GivesEachHostItsOwnAndNamesNoOther(t *testing.T) {
	s := newStage(t, router.Front{})
	s.routes(map[string]string{"shop.example.com": newApp(t, "shop").at(), "*.example.com": newApp(t, "any").at()})
	for host, want := range map[string]string{"shop.example.com": "shop", "SHOP.Example.COM:8443": "shop", "shop.example.com.": "shop", "x.example.com": "any",
		"example.com": "there is no site of this name here\n", "evil.example": "there is no site of this name here\n"} {
		conn, err := net.Dial("tcp", s.address)
		check(t, err)
		answer, text := raw(t, conn, "GET / HTTP/1.1\r\nHost: "+host+"\r\nConnection: close\r\n\r\n")
		check(t, conn.Close())
		if text != want || (answer.StatusCode == 404) != strings.HasPrefix(want, "there is") {
			t.Errorf("host %s got %s %q, expected %q", host, answer.Status, text, want)
		}
	}
}

func TestTLS_AgreesOnHTTP2AndTellsTheApplicationOfHTTPS(t *testing.T) {
	a, app := newAuthority(t), newApp(t, "shop")
	s := newStage(t, router.Front{TLS: a.pair(folder(t), 24*time.Hour, "shop.example.com")})
	s.routes(map[string]string{"shop.example.com": app.at()})
	answer, text := a.get(s, "https://shop.example.com/")
	if answer.ProtoMajor != 2 || text != "shop" || app.seen.Load().Header.Get("X-Forwarded-Proto") != "https" || app.seen.Load().Host != "shop.example.com" {
		t.Errorf("answered with %s %q; the application saw %v", answer.Proto, text, app.seen.Load().Header)
	}
	conn, err := a.dial(s, "shop.example.com", "http/1.1")
	check(t, err)
	if answer, text := raw(t, conn, "GET / HTTP/1.1\r\nHost: shop.example.com\r\n\r\n"); text != "shop" || answer.ProtoMajor != 1 {
		t.Errorf("a client of HTTP/1.1 got %s %q", answer.Proto, text)
	}
	plain, err := net.Dial("tcp", s.address)
	check(t, err)
	defer func() { check(t, plain.Close()) }()
	if answer, _ := raw(t, plain, "GET / HTTP/1.1\r\nHost: shop.example.com\r\n\r\n"); answer.StatusCode != http.StatusBadRequest {
		t.Errorf("plain HTTP got %s", answer.Status)
	}
	if certificates := s.front().Certificates; len(certificates) != 1 || certificates[0].Hosts[0] != "shop.example.com" || certificates[0].Until.IsZero() {
		t.Errorf("the state tells of %+v", certificates)
	}
}

func TestTLS_AConnectionForOneSiteIsNotUsedForAnotherUnlessItsCertificateIsForBoth(t *testing.T) {
	for name, hosts := range map[string][]string{"both": {"shop.example.com", "admin.example.com"}, "wildcard": {"*.example.com"}, "one": {"shop.example.com"}} {
		a := newAuthority(t)
		s := twoHosts(t, a, hosts...)
		conn, err := a.dial(s, "shop.example.com")
		check(t, err)
		answer, text := raw(t, conn, "GET / HTTP/1.1\r\nHost: admin.example.com\r\nConnection: close\r\n\r\n")
		if shared := name != "one"; (text == "admin") != shared || !shared && answer.StatusCode != http.StatusMisdirectedRequest {
			t.Errorf("with a certificate for %s: %s %q", name, answer.Status, text)
		}
	}
}

func TestTLS_AnUpgradedConnectionAndAnEventStreamGoThrough(t *testing.T) {
	a, app := newAuthority(t), newApp(t, "shop")
	s := newStage(t, router.Front{TLS: a.pair(folder(t), 24*time.Hour, "shop.example.com")})
	s.routes(map[string]string{"shop.example.com": app.at()})
	conn, err := a.dial(s, "shop.example.com", "http/1.1")
	check(t, err)
	_, err = io.WriteString(conn, "GET /upgrade HTTP/1.1\r\nHost: shop.example.com\r\nConnection: Upgrade\r\nUpgrade: lines\r\n\r\n")
	check(t, err)
	l := &line{Conn: conn, in: bufio.NewReader(conn)}
	answer, err := http.ReadResponse(l.in, nil)
	check(t, err)
	if got, err := l.say("hello"); answer.StatusCode != http.StatusSwitchingProtocols || got != "shop hello" {
		t.Errorf("upgraded: %s, %q, %v", answer.Status, got, err)
	}
	events, err := a.client(s).Get("https://shop.example.com/events") // over HTTP/2
	check(t, err)
	defer func() { check(t, events.Body.Close()) }()
	if first, err := bufio.NewReader(events.Body).ReadString('\n'); first != "data: one\n" || events.ProtoMajor != 2 {
		t.Errorf("the first event over %s is %q, %v", events.Proto, first, err)
	}
	close(app.holds)
}

func TestTLS_AHandshakeThatNeverComesIsGivenUp(t *testing.T) {
	a := newAuthority(t)
	s := newStage(t, router.Front{TLS: a.pair(folder(t), 24*time.Hour, "shop.example.com"), Limits: understudy.Limits{HeaderTime: 200 * time.Millisecond}})
	conn := s.connect()
	_, err := io.WriteString(conn, "\x16\x03\x01\x02")
	check(t, err)
	if _, err := io.ReadAll(conn); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("a client that sends half a handshake is still there")
	}
	s.await("it is counted out", func() bool { return s.front().Connections == 0 })
}

func TestTLS_ReadsAChangedPairAndKeepsTheLastGoodOneWhileTheNewOneIsBroken(t *testing.T) {
	a, dir := newAuthority(t), folder(t)
	files := a.pair(dir, 24*time.Hour, "shop.example.com")
	s := &stage{t: t, folder: folder(t)}
	s.Client = &router.Client{Socket: s.folder + "/s"}
	config := router.Config{State: s.folder, Control: s.folder + "/s"}
	stop := s.run(config)
	s.open(router.Front{TLS: files})
	s.routes(map[string]string{"shop.example.com": newApp(t, "shop").at()})
	serial := func() string {
		conn, err := a.dial(s, "shop.example.com")
		check(t, err)
		defer func() { _ = conn.Close() }()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.String()
	}
	first := serial()
	a.pair(dir, time.Hour, "shop.example.com")
	s.await("the new certificate is shown", func() bool { return serial() != first })
	second := serial()
	if c := s.front().Certificates[0]; !strings.Contains(c.Problem, "runs out at") {
		t.Errorf("of one that ends in an hour the state says %q", c.Problem)
	}
	check(t, os.WriteFile(files.Cert, []byte("no certificate\n"), 0o600))
	s.await("the problem is told", func() bool { return strings.Contains(s.front().Certificates[0].Problem, "the last good one is shown") })
	if got := serial(); got != second {
		t.Errorf("with a broken file %s is shown, expected %s", got, second)
	}
	stop()
	s.run(config) // a restart has it too
	if got := serial(); got != second {
		t.Errorf("after a restart with a broken file %s is shown, expected %s", got, second)
	}
	a.pair(dir, 24*time.Hour*90, "shop.example.com")
	s.await("a mended pair is shown", func() bool { return serial() != second && s.front().Certificates[0].Problem == "" })
	check(t, s.Close(deadline(t), "shop"))
	if left, err := os.ReadDir(s.folder + "/certificates"); err != nil || len(left) != 0 {
		t.Errorf("of a front that was closed there is left: %v, %v", left, err)
	}
	if raw, err := os.ReadFile(s.folder + "/state.json"); err != nil || strings.Contains(string(raw), "PRIVATE KEY") {
		t.Errorf("the state file holds a key, or is none: %v", err)
	}
}

func TestOpen_RefusesACertificateThatCanBeShownToNobody(t *testing.T) {
	s := newStage(t, router.Front{})
	err := s.Open(deadline(t), router.Front{Name: "second", Listen: "127.0.0.1:0", TLS: &understudy.TLS{Cert: "/nowhere/cert.pem", Key: "/nowhere/key.pem"}})
	if understudy.KindOf(err) != understudy.KindInvalid || !strings.Contains(err.Error(), "/nowhere/cert.pem") {
		t.Errorf("opening with files that are not there: %v", err)
	}
	if len(s.fronts()) != 1 {
		t.Error("it was opened all the same")
	}
}

func (s *stage) fronts() []router.FrontState {
	s.t.Helper()
	state, err := s.State(deadline(s.t))
	check(s.t, err)
	return state.Fronts
}

func TestRedirect_SendsToHTTPSAndOnlyForItsOwnHosts(t *testing.T) {
	a := newAuthority(t)
	s := newStage(t, router.Front{TLS: a.pair(folder(t), 24*time.Hour, "shop.example.com"), Redirect: "127.0.0.1:0"})
	s.routes(map[string]string{"shop.example.com": newApp(t, "shop").at()})
	front := s.front()
	_, port, err := net.SplitHostPort(front.Listen)
	check(t, err)
	for host, want := range map[string]string{"shop.example.com": "https://shop.example.com:" + port + "/a%2Fb?q=1;2", "SHOP.example.com:80": "https://shop.example.com:" + port + "/a%2Fb?q=1;2", "evil.example": ""} {
		conn, err := net.Dial("tcp", front.Redirect)
		check(t, err)
		answer, _ := raw(t, conn, "POST /a%2Fb?q=1;2 HTTP/1.1\r\nHost: "+host+"\r\nContent-Length: 0\r\n\r\n")
		check(t, conn.Close())
		status := http.StatusPermanentRedirect
		if want == "" {
			status = http.StatusNotFound
		}
		if answer.StatusCode != status || answer.Header.Get("Location") != want {
			t.Errorf("of host %s: %s to %q, expected %q", host, answer.Status, answer.Header.Get("Location"), want)
		}
	}
	again := router.Front{Name: "shop", Listen: front.Listen, TLS: front.TLS, Redirect: "127.0.0.1:0"}
	check(t, s.Open(deadline(t), again))
	if now := s.front(); now.Redirect != front.Redirect || !now.RedirectOpen {
		t.Errorf("opened again it redirects from %s, before from %s", now.Redirect, front.Redirect)
	}
	again.Redirect = ""
	check(t, s.Open(deadline(t), again))
	if _, err := net.Dial("tcp", front.Redirect); err == nil || s.front().RedirectOpen {
		t.Error("a redirect that is no longer wished for goes on")
	}
}

func TestUpgrade_OverTLSUnderLoadRefusesNothing(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	s := newProcessStage(t, router.Front{TLS: a.pair(folder(t), 24*time.Hour, "shop.example.com"), Redirect: "127.0.0.1:0"})
	s.routes(map[string]string{"shop.example.com": newApp(t, "shop").at()})
	stop, failed := make(chan struct{}), make(chan error, 1)
	var count atomic.Int64
	go func() {
		defer close(failed)
		for ; ; count.Add(1) {
			select {
			case <-stop:
				return
			default:
			}
			if err := overTLS(a, s.address); err != nil {
				failed <- err
				return
			}
		}
	}()
	redirect := s.front().Redirect
	pid := 0
	for range 2 {
		pid = s.upgrade(pid)
		before := count.Load()
		s.await("clients came to the new copy", func() bool { return count.Load() > before+30 || len(failed) > 0 })
		conn, err := net.Dial("tcp", redirect)
		check(t, err)
		if answer, _ := raw(t, conn, "GET / HTTP/1.1\r\nHost: shop.example.com\r\n\r\n"); answer.StatusCode != http.StatusPermanentRedirect {
			t.Errorf("after the upgrade the second port answers %s", answer.Status)
		}
		check(t, conn.Close())
	}
	close(stop)
	if err := <-failed; err != nil {
		t.Errorf("after %d requests: %v", count.Load(), err)
	}
}

// overTLS makes one request on a connection of its own.
func overTLS(a *authority, address string) error {
	conn, err := tls.Dial("tcp", address, &tls.Config{RootCAs: a.pool, ServerName: "shop.example.com"})
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: shop.example.com\r\nConnection: close\r\n\r\n"); err != nil {
		return err
	}
	text, err := io.ReadAll(conn)
	if err == nil && !strings.HasSuffix(string(text), "\r\n\r\nshop") && !strings.Contains(string(text), "200 OK") {
		err = fmt.Errorf("answered %q", text)
	}
	return err
}
