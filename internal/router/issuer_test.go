package router_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"golang.org/x/net/dns/dnsmessage"

	"understudy"
	"understudy/internal/loopback"
	"understudy/internal/router"
)

// The test binary is also an issuer of certificates: with this variable set it is Pebble,
// a real ACME server, that lives in the folder named and looks at the ports named.
const asIssuer = "UNDERSTUDY_TEST_ISSUER"

// issue runs Pebble until it is killed. It leaves its address and its root in its folder,
// and counts the orders there.
func issue(settings string) error {
	words := strings.Fields(settings) // folder, HTTP port, TLS port
	httpPort, errHTTP := strconv.Atoi(words[1])
	tlsPort, errTLS := strconv.Atoi(words[2])
	if errHTTP != nil || errTLS != nil {
		return fmt.Errorf("found %q", settings)
	}
	names, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go answerNames(names)
	quiet := log.New(os.Stderr, "", 0)
	store := db.NewMemoryStore()
	authority := ca.New(quiet, store, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {Description: "default"}})
	checks := va.New(quiet, httpPort, tlsPort, false, names.Addr().String(), store)
	front := wfe.New(quiet, store, checks, authority, []string{"pebble.test"}, false, false, 1, 1)
	handler, orders := front.Handler(), atomic.Int64{}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	counted := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "order-plz") {
			_ = os.WriteFile(words[0]+"/orders", []byte(strconv.FormatInt(orders.Add(1), 10)), 0o600) // missed by the test where it fails
		}
		handler.ServeHTTP(w, r)
	})
	if err := os.WriteFile(words[0]+"/root.pem", authority.GetRootCert(0).PEM(), 0o600); err != nil {
		return err
	}
	if err := os.WriteFile(words[0]+"/address~", []byte(listener.Addr().String()), 0o600); err != nil {
		return err
	}
	if err := os.Rename(words[0]+"/address~", words[0]+"/address"); err != nil {
		return err
	}
	return http.ServeTLS(listener, counted, words[0]+"/cert.pem", words[0]+"/key.pem")
}

// answerNames is a name server for which every host is this machine.
func answerNames(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer func() { _ = conn.Close() }()
			for answerName(conn) == nil {
				continue
			}
		}()
	}
}

func answerName(conn net.Conn) error {
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return err
	}
	text := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(conn, text); err != nil {
		return err
	}
	var m dnsmessage.Message
	if err := m.Unpack(text); err != nil {
		return err
	}
	m.Response = true
	for _, q := range m.Questions {
		if q.Type == dnsmessage.TypeA {
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 1},
				Body: &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}}})
		}
	}
	m.Additionals = nil
	answer, err := m.Pack()
	if err != nil {
		return err
	}
	_, err = conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...))
	return err
}

// issuer is a running Pebble.
type issuer struct {
	folder string
	*understudy.ACME
}

func newIssuer(t *testing.T, httpPort, tlsPort string) *issuer {
	t.Helper()
	a, dir := newAuthority(t), folder(t)
	a.pair(dir, time.Hour, "localhost")
	check(t, os.WriteFile(dir+"/authority.pem", a.pem(), 0o600))
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), asIssuer+"="+dir+" "+httpPort+" "+tlsPort, "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0")
	said, err := os.Create(dir + "/log")
	check(t, err)
	cmd.Stderr = said
	check(t, cmd.Start())
	check(t, said.Close())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			text, _ := os.ReadFile(dir + "/log")
			t.Logf("the issuer's log:\n%s", text)
		}
	})
	await(t, "the issuer answers", func() bool { _, err := os.Stat(dir + "/address"); return err == nil })
	address, err := os.ReadFile(dir + "/address")
	check(t, err)
	_, port, err := net.SplitHostPort(string(address))
	check(t, err)
	return &issuer{folder: dir, ACME: &understudy.ACME{Email: "ops@example.com", Directory: "https://localhost:" + port + "/dir", CA: dir + "/authority.pem"}}
}

func (i *issuer) orders(t *testing.T) string {
	text, err := os.ReadFile(i.folder + "/orders")
	check(t, err)
	return string(text)
}

// shown is the serial number of the certificate that the stage shows for a host, which has
// to be by this issuer.
func (i *issuer) shown(s *stage, host string) (string, error) {
	root, err := os.ReadFile(i.folder + "/root.pem")
	if err != nil {
		return "", err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(root)
	conn, err := tls.Dial("tcp", s.address, &tls.Config{RootCAs: pool, ServerName: host})
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.String(), nil
}

func freePort(t *testing.T) string {
	t.Helper()
	port, err := loopback.FreePort()
	check(t, err)
	return strconv.Itoa(port)
}

func TestACME_CertificatesAreIssuedForTheHostsOfRoutesAndOutliveEveryRestart(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ byTLS, redirects bool }{"TLS-ALPN-01": {byTLS: true}, "HTTP-01": {redirects: true}}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doorPort, redirectPort := freePort(t), freePort(t)
			front := router.Front{Name: "shop", Listen: "127.0.0.1:" + doorPort}
			looksAt := freePort(t) // where nobody answers
			if c.byTLS {
				looksAt = doorPort
			}
			if c.redirects {
				front.Redirect = "127.0.0.1:" + redirectPort
			}
			i := newIssuer(t, redirectPort, looksAt)
			front.TLS = &understudy.TLS{ACME: i.ACME}
			s := &stage{t: t, folder: folder(t), address: front.Listen}
			s.Client = &router.Client{Socket: s.folder + "/s"}
			process := s.spawn()
			check(t, s.Open(deadline(t), front))
			s.routes(map[string]string{"shop.example.com": newApp(t, "shop").at()})
			var first string
			s.await("a certificate is issued", func() bool {
				var err error
				first, err = i.shown(s, "shop.example.com")
				return err == nil
			})
			orders := i.orders(t)
			fresh := s.upgrade(process.Process.Pid)
			if again, err := i.shown(s, "shop.example.com"); again != first {
				t.Errorf("at the first moment after an upgrade %s is shown, before %s: %v", again, first, err)
			}
			check(t, endNow(s, fresh, process))
			s.spawn()
			if again, err := i.shown(s, "shop.example.com"); again != first || i.orders(t) != orders {
				t.Errorf("after a kill %s is shown, before %s: %v; %s orders, before %s", again, first, err, i.orders(t), orders)
			}
			if c := s.front().Certificates; len(c) != 1 || c[0].Until.IsZero() || c[0].Problem != "" {
				t.Errorf("the state tells of %+v", c)
			}
			unnamed, err := tls.Dial("tcp", s.address, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // who names no host cannot verify one
			check(t, err)
			check(t, unnamed.Close())
			if _, err := i.shown(s, "other.example.com"); err == nil {
				t.Error("a name without a route was given a certificate")
			}
		})
	}
}

func TestACME_AnIssuerThatRefusesIsAProblemThatIsTold(t *testing.T) {
	t.Parallel()
	s := newProcessStage(t, router.Front{TLS: &understudy.TLS{ACME: &understudy.ACME{Directory: "https://127.0.0.1:" + freePort(t) + "/dir"}}})
	if c := s.front().Certificates; len(c) != 1 || !strings.Contains(c[0].Problem, "no route names a host") {
		t.Errorf("without a host the state tells of %+v", c)
	}
	s.routes(map[string]string{"shop.example.com": newApp(t, "shop").at()})
	s.await("the problem is told", func() bool {
		c := s.front().Certificates
		return len(c) == 1 && strings.Contains(c[0].Problem, "no certificate for shop.example.com could be had")
	})
}
