package daemon_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"understudy"
	"understudy/internal/api"
)

// sites is a project of two sites and no database.
const sites = `
application: notes
services:
  shop: {command: [bin/app, site, shop], port: 8080, route: [shop.example.com, www.example.com/], health: /healthz}
  admin: {command: [bin/app, site, admin], port: 8081, route: admin.example.com}
environments:
  production:
    purpose: production
    listen: %s
    redirect: %s
    hosts: {admin.example.com: office.example.com}
    tls: {cert: cert.pem, key: key.pem}
    token: file:token
    sticky: {header: X-User}
    limits: {body: 1KB, per_client: 50}
`

const token = "a-long-and-random-token"

// visitor is a client of the front door that trusts its certificate.
type visitor struct {
	t    *testing.T
	at   string
	pool *x509.CertPool
}

// certify writes a certificate for hosts into the project.
func (h *house) certify(t *testing.T, hosts ...string) *visitor {
	t.Helper()
	return h.certifyUntil(t, time.Now().Add(30*24*time.Hour), hosts...)
}

// certifyUntil writes one that runs out at a moment.
func (h *house) certifyUntil(t *testing.T, until time.Time, hosts ...string) *visitor {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: hosts, NotAfter: until, IsCA: true, BasicConstraintsValid: true}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	check(t, err)
	secret, err := x509.MarshalECPrivateKey(key)
	check(t, err)
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})
	h.write(t, "cert.pem", string(cert))
	h.write(t, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: secret})))
	v := &visitor{t: t, at: h.production, pool: x509.NewCertPool()}
	v.pool.AppendCertsFromPEM(cert)
	return v
}

func (v *visitor) get(url string, header ...string) (int, string) {
	v.t.Helper()
	transport := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: v.pool},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, v.at)
		}}
	r, err := http.NewRequestWithContext(limited(v.t), http.MethodGet, url, nil)
	check(v.t, err)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := transport.RoundTrip(r)
	check(v.t, err)
	text, err := io.ReadAll(answer.Body)
	check(v.t, err)
	check(v.t, answer.Body.Close())
	return answer.StatusCode, string(text)
}

func TestDoor_IsAsTheProjectSaysAndStaysClosedThroughADownAndARestart(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	redirect := freeAddress(t)
	h.write(t, "understudy.yaml", fmt.Sprintf(sites, h.production, redirect))
	h.write(t, "token", token)
	v := h.certify(t, "shop.example.com", "www.example.com", "office.example.com")
	h.open(t)
	h.up(t)
	for url, want := range map[string]string{
		"https://shop.example.com/": "shop for shop.example.com over https", "https://www.example.com/x": "shop for www.example.com over https",
		"https://office.example.com/": "admin for office.example.com over https",
	} {
		if status, text := v.get(url); status != http.StatusOK || text != want {
			t.Errorf("%s: %d %q, expected %q", url, status, text, want)
		}
	}
	production := h.productionStatus(t)
	if len(production.Sites) != 3 || len(production.Certificates) != 1 || production.Certificates[0].Problem != "" || !strings.HasPrefix(production.URL, "https://") {
		t.Errorf("status tells of %+v", production)
	}

	closed := api.Maintain{Environment: "production", Page: "<p>soon", Testers: true, By: "ops", Reason: "new disks"}
	check(t, h.Maintain(limited(t), closed))
	for range 2 { // before and after
		if status, text := v.get("https://shop.example.com/", "Accept", "text/html"); status != http.StatusServiceUnavailable || text != "<p>soon" {
			t.Errorf("during maintenance a customer got %d %q", status, text)
		}
		if status, _ := v.get("https://shop.example.com/healthz"); status != http.StatusOK {
			t.Errorf("during maintenance a probe got %d", status)
		}
		if status, text := v.get("https://shop.example.com/", "X-Understudy-Token", token, "X-Understudy-Release", "old"); status != http.StatusOK {
			t.Errorf("during maintenance a tester got %d %q", status, text)
		}
		check(t, h.Down(limited(t), api.Down{By: "ops"}, silent))
		h.end()
		h.open(t)
		_, err := h.Up(limited(t), api.Up{Environment: "production", By: "ops"}, silent)
		check(t, err)
	}
	if m := h.productionStatus(t).Maintenance; m == nil || m.Reason != "new disks" || m.By != "ops" {
		t.Errorf("status tells of %+v", m)
	}
	check(t, h.EndMaintenance(limited(t), api.EndMaintenance{Environment: "production", By: "ops", Reason: "done"}))
	if status, _ := v.get("https://shop.example.com/"); status != http.StatusOK || h.productionStatus(t).Maintenance != nil {
		t.Errorf("after maintenance a customer got %d", status)
	}
	acts := map[string]string{}
	check(t, h.JournalEntries(limited(t), 1, func(e understudy.Entry) error {
		acts[e.Act] = e.Reason
		return nil
	}))
	v = h.certifyUntil(t, time.Now().Add(3*24*time.Hour), "shop.example.com")
	h.until(t, "the journal tells that the certificate runs out", func() bool {
		told := false
		check(t, h.JournalEntries(limited(t), 1, func(e understudy.Entry) error {
			if e.Act == "certificate.expiring" && strings.Contains(e.Facts["certificates"], "shop.example.com") {
				told = true
			}
			return nil
		}))
		return told
	})
	if acts["maintenance.on"] != "new disks" || acts["maintenance.off"] != "done" {
		t.Errorf("the journal tells of %v", acts)
	}
	h.damageRouter(t)
	if status, _ := v.get("https://shop.example.com/"); status != http.StatusOK {
		t.Errorf("from the last good copy of the router's state a customer got %d", status)
	}
	closed.Allow = []string{"nobody"}
	refused(t, h.Maintain(limited(t), closed), understudy.KindInvalid, "nobody")

	h.write(t, "token", "short")
	_, err := h.Up(limited(t), api.Up{Environment: "production", By: "ops"}, silent)
	check(t, err)
	if status, _ := v.get("https://shop.example.com/"); status != http.StatusOK {
		t.Errorf("with a token that cannot be used a customer got %d", status)
	}
	if info, err := h.Info(limited(t)); err != nil || !strings.Contains(strings.Join(info.Notes, " "), "the token of production lets no tester in: it has fewer than 20 letters") {
		t.Errorf("of it the daemon notes %q, %v", info.Notes, err)
	}
	closed.Allow = nil
	refused(t, h.Maintain(limited(t), closed), understudy.KindInvalid, "knows no token")
	if h.productionStatus(t).Maintenance != nil {
		t.Error("a maintenance that was refused is on")
	}
}

// damageRouter has the router start on half a state file, and waits until an operator is told.
func (h *house) damageRouter(t *testing.T) {
	t.Helper()
	path := h.state.Below("router", "state.json")
	whole, err := os.ReadFile(path)
	check(t, err)
	check(t, os.WriteFile(path, whole[:len(whole)/2], 0o600))
	h.killProcess(t, " router --state "+h.state.Below("router"))
	h.until(t, "the daemon notes the damage", func() bool {
		info, err := h.Info(limited(t))
		check(t, err)
		told := strings.Join(info.Notes, "\n")
		return strings.Contains(told, "state.json is damaged") && strings.Contains(told, "the last good copy is served instead")
	})
}

// productionStatus is production's status.
func (h *house) productionStatus(t *testing.T) api.EnvironmentStatus {
	t.Helper()
	all, err := h.Status(limited(t))
	check(t, err)
	return all[0]
}
