package config_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"understudy"
	"understudy/internal/config"
)

const twoSites = `application: shop
services:
  web: {command: [bin/web], port: 80, route: [shop.example.com, "*.example.com/wild", /]}
  api: {command: [bin/api], port: 81, route: shop.example.com/api}
environments:
  production:
    purpose: production
    listen: 0.0.0.0:443
`

func TestLoad_ReadsAllThatIsSaidOfAFrontDoor(t *testing.T) {
	dir := folder(t, map[string]string{config.FileName: twoSites + `    redirect: 0.0.0.0:80
    hosts: {shop.example.com: WWW.shop.example}
    tls: {cert: tls/chain.pem, key: /etc/key.pem}
    trusted: [10.0.0.0/8, "2001:db8::1"]
    proxy_protocol: [192.0.2.7]
    sticky: {header: X-User-Id}
    token: file:token
    limits: {header: 32KB, header_time: 5s, body: unlimited, stall: 30s, connections: 9, per_client: 8, requests: 7, streams: 6}
`})
	p, err := config.Load(filepath.Join(dir, config.FileName))
	if err != nil {
		t.Fatal(err)
	}
	want := understudy.Door{
		Hosts: map[string]string{"shop.example.com": "WWW.shop.example"}, Redirect: "0.0.0.0:80",
		TLS:     &understudy.TLS{Cert: dir + "/tls/chain.pem", Key: "/etc/key.pem"},
		Trusted: []string{"10.0.0.0/8", "2001:db8::1"}, ProxyFrom: []string{"192.0.2.7"}, Sticky: "X-User-Id", Token: understudy.SecretRef("file:" + dir + "/token"),
		Limits: understudy.Limits{Header: 32 << 10, HeaderTime: 5 * time.Second, Body: -1, Stall: 30 * time.Second, Connections: 9, PerClient: 8, Requests: 7, Streams: 6},
	}
	if diff := cmp.Diff(want, p.Environments[0].Door); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := p.Application.Services[0].Reached(); !cmp.Equal(got, []string{"shop.example.com", "*.example.com/wild", "/"}) {
		t.Errorf("web is reached by %q", got)
	}
}

func TestLoad_RefusesAFrontDoorThatCannotBe(t *testing.T) {
	for line, want := range map[string]string{
		"tls: {}":            "environments.production.tls: expected cert: and key:, or acme:",
		"tls: {cert: a.pem}": "environments.production.tls: expected cert: and key:, or acme:",
		"tls: {cert: a.pem, key: b.pem, acme: {}}":   "found both",
		"tls: {acme: {}}":                            "an issuer gives a certificate for *.example.com only to who changes its DNS",
		"tls: {acme: {directory: 'http://a'}}":       "expected an address beginning with https://",
		"redirect: 0.0.0.0:80":                       "environments.production.redirect: it sends http to https, and there is no tls:",
		"redirect: 127.0.0.1:443":                    "127.0.0.1:443 is where environment production listens already",
		"hosts: {shop.example.org: a.example}":       `no route names the host "shop.example.org"; did you mean "shop.example.com"?`,
		"hosts: {shop.example.com: a.example/x}":     `expected a host such as staging.example.com, found "a.example/x"`,
		`hosts: {shop.example.com: "*.example.com"}`: "*.example.com is what *.example.com is called already",
		"trusted: [10.0.0]":                          `environments.production.trusted[0]: expected an address or a CIDR such as 10.0.0.0/8, found "10.0.0"`,
		"proxy_protocol: [example.com]":              `environments.production.proxy_protocol[0]: expected an address or a CIDR`,
		"limits: {body: 0}":                          "environments.production.limits.body: expected a text, found a number",
		"limits: {body: 0KB}":                        `environments.production.limits.body: expected a size such as 64KB or 1GB, found "0KB"`,
		"limits: {header: unlimited}":                `environments.production.limits.header: expected a size such as 64KB or 1GB, found "unlimited"`,
		"limits: {connections: 0}":                   "environments.production.limits.connections: expected at least 1",
		"sticky: {cookie: a}":                        `unknown key "cookie"`,
		"sticky: {header: 'X User'}":                 "expected the name of a header",
		`flag_origins: ["*"]`:                        `environments.production.flag_origins: expected origins such as https://shop.example.com or http://localhost:3000, found "*"`,
		"token: s3cret":                              "expected env:NAME, file:PATH, exec:COMMAND or sops:FILE#KEY",
	} {
		dir := folder(t, map[string]string{config.FileName: twoSites + "    " + line + "\n"})
		_, err := config.Load(filepath.Join(dir, config.FileName))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v; expected %q", line, err, want)
		}
	}
	for route, want := range map[string]string{
		"'shop.example.com:80/'": "without a port", "127.0.0.1/": "names a host and not an address", "shop.example.com": "belongs to service web already",
		"'a b'": "expected a path, a host or both", "a.*.com": "is a name such as", "[]": "expected at least 1 in the list",
	} {
		dir := folder(t, map[string]string{config.FileName: strings.Replace(twoSites, "route: shop.example.com/api", "route: "+route, 1)})
		if _, err := config.Load(filepath.Join(dir, config.FileName)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("route %s: %v; expected %q", route, err, want)
		}
	}
}
