package router

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"

	"understudy"
)

// httpChallenge answers an issuer's question on port 80, and tells whether it was one.
type httpChallenge func(http.ResponseWriter, *http.Request) bool

// renewalLook is how often it is looked whether a certificate is due.
const renewalLook = time.Minute

// issued are certificates that an ACME server issues for the hosts of the routes. They lie
// in the state folder with the account, where the next copy of the router finds them.
// Questions are answered by whichever copy is asked: what to say lies there too.
type issued struct {
	front  string
	shared *shared
	magic  *certmagic.Config
	issuer *certmagic.ACMEIssuer
	cache  *certmagic.Cache
	made   *tls.Config
	ctx    context.Context
	end    context.CancelFunc

	mu       sync.Mutex
	hosts    []string
	problem  string            // with all of them
	problems map[string]string // with one
}

func newIssued(shared *shared, f Front) *issued {
	i := &issued{front: f.Name, shared: shared, problems: map[string]string{}}
	i.ctx, i.end = context.WithCancel(context.Background())
	quiet := zap.NewNop() // what matters comes as events
	i.cache = certmagic.NewCache(certmagic.CacheOptions{Logger: quiet, RenewCheckInterval: renewalLook,
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return i.magic, nil }})
	i.magic = certmagic.New(i.cache, certmagic.Config{Logger: quiet, OnEvent: i.note, OCSP: certmagic.OCSPConfig{DisableStapling: true},
		Storage: &certmagic.FileStorage{Path: filepath.Join(shared.state, "acme")}})
	i.issuer = certmagic.NewACMEIssuer(i.magic, i.template(f, quiet))
	i.magic.Issuers = []certmagic.Issuer{i.issuer}
	i.made = tlsConfig(i.get, i.magic.TLSConfig().NextProtos...)
	return i
}

// template asks for the challenges that this front's listeners can answer. The ports are
// told so that certmagic finds them taken, by us, and opens none of its own.
func (i *issued) template(f Front, log *zap.Logger) certmagic.ACMEIssuer {
	host, port := splitListen(f.Listen)
	t := certmagic.ACMEIssuer{CA: f.TLS.ACME.Directory, Email: f.TLS.ACME.Email, Agreed: true, Logger: log,
		ListenHost: host, AltTLSALPNPort: port, DisableHTTPChallenge: f.Redirect == ""}
	if t.CA == "" {
		t.CA = certmagic.LetsEncryptProductionCA
	}
	if f.Redirect != "" {
		_, t.AltHTTPPort = splitListen(f.Redirect)
	}
	if f.TLS.ACME.CA == "" {
		return t
	}
	pem, err := os.ReadFile(f.TLS.ACME.CA)
	t.TrustedRoots = x509.NewCertPool()
	if err != nil || !t.TrustedRoots.AppendCertsFromPEM(pem) {
		i.problem = fmt.Sprintf("the certificate authority in %s cannot be read", f.TLS.ACME.CA)
		i.shared.log.Error(i.problem, "front", i.front)
	}
	return t
}

func splitListen(listen string) (host string, port int) {
	host, text, _ := net.SplitHostPort(listen) // validated with the record
	port, _ = strconv.Atoi(text)
	return host, port
}

func (i *issued) config() *tls.Config { return i.made }

func (i *issued) challenge() httpChallenge { return i.issuer.HandleHTTPChallenge }

// want begins to look after new hosts, and stops with those that no route names any more.
func (i *issued) want(hosts []string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	var gone []certmagic.SubjectIssuer
	for _, host := range i.hosts {
		if !slices.Contains(hosts, host) {
			gone = append(gone, certmagic.SubjectIssuer{Subject: host})
			delete(i.problems, host)
		}
	}
	i.cache.RemoveManaged(gone)
	var fresh []string
	for _, host := range hosts {
		if !slices.Contains(i.hosts, host) && !i.has(host) {
			fresh = append(fresh, host)
		}
	}
	i.hosts = slices.Clone(hosts)
	if err := i.magic.ManageAsync(i.ctx, fresh); err != nil {
		i.problem = err.Error()
	}
}

// has takes a host's certificate from the state folder, before anybody is served: an
// upgrade must not meet a moment without it. One that is due is renewed while it is shown.
func (i *issued) has(host string) bool {
	_, err := i.magic.CacheManagedCertificate(i.ctx, host)
	return err == nil
}

// get shows whoever names no host, as balancers' checks do, the certificate of the first.
func (i *issued) get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if hello.ServerName == "" {
		i.mu.Lock()
		if len(i.hosts) > 0 {
			named := *hello
			named.ServerName = i.hosts[0]
			hello = &named
		}
		i.mu.Unlock()
	}
	return i.magic.GetCertificate(hello)
}

// note hears what becomes of the orders.
func (i *issued) note(_ context.Context, event string, about map[string]any) error {
	host, _ := about["identifier"].(string)
	switch event {
	case "cert_failed":
		i.mu.Lock()
		defer i.mu.Unlock()
		err, _ := about["error"].(error)
		i.problems[host] = fmt.Sprintf("no certificate for %s could be had: %v; it is tried again", host, err)
		i.shared.log.Error("a certificate could not be had", "front", i.front, "host", host, "cause", fmt.Sprint(err))
	case "cert_obtained":
		i.mu.Lock()
		defer i.mu.Unlock()
		delete(i.problems, host)
		i.shared.log.Info("a certificate was issued", "front", i.front, "host", host)
	}
	return nil
}

func (i *issued) state(now time.Time) []understudy.Certificate {
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.hosts) == 0 {
		return []understudy.Certificate{{From: i.issuer.CA, Problem: "no route names a host, so there is none to ask a certificate for"}}
	}
	var out []understudy.Certificate
	for _, host := range i.hosts {
		c := understudy.Certificate{Hosts: []string{host}, From: i.issuer.CA, Problem: i.problems[host]}
		for _, have := range i.cache.AllMatchingCertificates(host) {
			c.Until = have.Leaf.NotAfter
		}
		if c.Problem == "" {
			c.Problem = i.problem
		}
		out = append(out, c)
	}
	return out
}

// close breaks off what is under way; the next copy takes it up.
func (i *issued) close() {
	i.end()
	i.cache.Stop()
}
