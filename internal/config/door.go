package config

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"understudy"
)

// routeEntry is a place alone, or a list of them.
type routeEntry []string

// UnmarshalYAML reads a text, or a list of texts.
func (r *routeEntry) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		*r = routeEntry{node.Value}
		return nil
	}
	return node.Decode((*[]string)(r))
}

// doorEntry is what an environment says of its front door, beside where it is.
type doorEntry struct {
	Hosts         map[string]string `yaml:"hosts"`
	TLS           *tlsEntry         `yaml:"tls"`
	Redirect      string            `yaml:"redirect"`
	Trusted       []string          `yaml:"trusted"`
	ProxyProtocol []string          `yaml:"proxy_protocol"`
	Limits        limitsEntry       `yaml:"limits"`
	Sticky        struct {
		Header string `yaml:"header"`
	} `yaml:"sticky"`
	Token string `yaml:"token"`
}

type tlsEntry struct {
	Cert string     `yaml:"cert"`
	Key  string     `yaml:"key"`
	ACME *acmeEntry `yaml:"acme"`
}

type acmeEntry struct {
	Email     string `yaml:"email"`
	Directory string `yaml:"directory"`
	CA        string `yaml:"ca"`
}

type limitsEntry struct {
	Header      string   `yaml:"header"`
	HeaderTime  duration `yaml:"header_time"`
	Body        string   `yaml:"body"`
	Stall       duration `yaml:"stall"`
	Connections int      `yaml:"connections"`
	PerClient   int      `yaml:"per_client"`
	Requests    int      `yaml:"requests"`
	Streams     int      `yaml:"streams"`
}

func (s *source) door(e doorEntry, path []string) understudy.Door {
	out := understudy.Door{Hosts: e.Hosts, Redirect: e.Redirect, Trusted: e.Trusted, ProxyFrom: e.ProxyProtocol, Sticky: e.Sticky.Header,
		Token: s.secretRef(e.Token)}
	if e.TLS != nil {
		out.TLS = &understudy.TLS{Cert: s.pathOf(e.TLS.Cert), Key: s.pathOf(e.TLS.Key)}
		if a := e.TLS.ACME; a != nil {
			out.TLS.ACME = &understudy.ACME{Email: a.Email, Directory: a.Directory, CA: s.pathOf(a.CA)}
		}
	}
	l := e.Limits
	out.Limits = understudy.Limits{Header: s.size(l.Header, path, "header"), HeaderTime: time.Duration(l.HeaderTime), Body: s.size(l.Body, path, "body"),
		Stall: time.Duration(l.Stall), Connections: l.Connections, PerClient: l.PerClient, Requests: l.Requests, Streams: l.Streams}
	return out
}

// pathOf makes the path of a file absolute, where there is one.
func (s *source) pathOf(written string) string {
	if written == "" {
		return ""
	}
	return s.path(written)
}

// size reads how many bytes; below 0 is any.
func (s *source) size(written string, path []string, key string) int64 {
	switch written {
	case "":
		return 0
	case "unlimited":
		if key == "body" {
			return -1
		}
	}
	n, err := understudy.ParseBytes(written)
	if err != nil || n == 0 {
		s.problems.at(append(path[:len(path):len(path)], "limits", key), "expected a size such as 64KB or 1GB, found %q", written)
	}
	return n
}

// checkRoutes notes routes that lead nowhere, or to two services.
func (s *source) checkRoutes(service understudy.Service, taken map[string]string) {
	path := []string{"services", service.Name, "route"}
	for _, route := range service.Reached() {
		place, err := understudy.ParsePlace(route)
		if err != nil {
			s.problems.at(path, "%s", err)
			continue
		}
		key := place.Host + strings.TrimRight(place.Prefix, "/")
		if other, twice := taken[key]; twice {
			s.problems.at(path, "route %s belongs to service %s already", route, other)
		}
		taken[key] = service.Name
	}
}

// checkDoor notes what does not fit in how an environment is reached.
func (s *source) checkDoor(app understudy.Application, e understudy.Environment, earlier []understudy.Environment, path []string) {
	at := func(keys ...string) []string { return append(path[:len(path):len(path)], keys...) }
	d := e.Door
	if e.Listen == "" && !d.IsZero() {
		s.problems.at(path, "hosts:, tls:, redirect:, trusted:, proxy_protocol:, limits:, sticky: and token: are of a front door; expected listen: with them")
		return
	}
	for key, peers := range map[string][]string{"trusted": d.Trusted, "proxy_protocol": d.ProxyFrom} {
		for i, peer := range peers {
			if !isPeer(peer) {
				s.problems.at(at(key, index(i)), "expected an address or a CIDR such as 10.0.0.0/8, found %q", peer)
			}
		}
	}
	s.checkTLS(app, e, at)
	s.checkHosts(app, e, at)
	if d.Redirect == "" {
		return
	}
	if d.TLS == nil {
		s.problems.at(at("redirect"), "it sends http to https, and there is no tls:")
	}
	if _, port, err := net.SplitHostPort(d.Redirect); err != nil || !isPort(port) {
		s.problems.at(at("redirect"), "expected an address such as 0.0.0.0:80, found %q", d.Redirect)
	}
	for _, other := range append([]understudy.Environment{{Name: e.Name, Listen: e.Listen}}, earlier...) {
		if sameDoor(d.Redirect, other.Listen) || sameDoor(d.Redirect, other.Door.Redirect) {
			s.problems.at(at("redirect"), "%s is where environment %s listens already", d.Redirect, other.Name)
		}
	}
}

func isPeer(text string) bool {
	_, err := netip.ParsePrefix(text)
	if err != nil {
		_, err = netip.ParseAddr(text)
	}
	return err == nil
}

func (s *source) checkTLS(app understudy.Application, e understudy.Environment, at func(...string) []string) {
	t := e.Door.TLS
	if t == nil {
		return
	}
	switch {
	case t.ACME == nil && (t.Cert == "" || t.Key == ""):
		s.problems.at(at("tls"), "expected cert: and key:, or acme:")
	case t.ACME != nil && (t.Cert != "" || t.Key != ""):
		s.problems.at(at("tls"), "certificates come from files or from an issuer; expected cert: and key:, or acme:, found both")
	case t.ACME != nil:
		s.checkIssued(app, e, at)
	}
}

// checkIssued refuses what no issuer can look into by the questions that are answered here.
func (s *source) checkIssued(app understudy.Application, e understudy.Environment, at func(...string) []string) {
	named := false
	for _, place := range places(app) {
		here := place.Here(e.Door.Hosts)
		if here.Wildcard() {
			s.problems.at(at("tls", "acme"), "an issuer gives a certificate for %s only to who changes its DNS; expected cert: and key: for it", here.Host)
		}
		named = named || here.Host != "" && !here.Wildcard()
	}
	if !named {
		s.problems.at(at("tls", "acme"), "no route names a host, so there is none to ask a certificate for; expected one such as route: shop.example.com")
	}
}

// places are those of all routes that can be read.
func places(app understudy.Application) []understudy.Place {
	var out []understudy.Place
	for _, service := range app.Services {
		for _, route := range service.Reached() {
			if place, err := understudy.ParsePlace(route); err == nil {
				out = append(out, place)
			}
		}
	}
	return out
}

// checkHosts sees to it that every name that is given here stands for one of the release,
// and that two do not become one.
func (s *source) checkHosts(app understudy.Application, e understudy.Environment, at func(...string) []string) {
	var known []string
	for _, place := range places(app) {
		if place.Host != "" && !slices.Contains(known, place.Host) {
			known = append(known, place.Host)
		}
	}
	taken := map[string]string{}
	for _, host := range known {
		if _, renamed := e.Door.Hosts[host]; !renamed {
			taken[host] = host
		}
	}
	for _, host := range sorted(e.Door.Hosts) {
		name := strings.ToLower(e.Door.Hosts[host])
		place, err := understudy.ParsePlace(name)
		switch {
		case !slices.Contains(known, host):
			s.problems.at(at("hosts", host), "no route names the host %q%s", host, didYouMean(host, known))
		case err != nil || place.Host == "" || place.Prefix != "/" || strings.Contains(name, "/"):
			s.problems.at(at("hosts", host), "expected a host such as staging.example.com, found %q", e.Door.Hosts[host])
		case taken[name] != "":
			s.problems.at(at("hosts", host), "%s is what %s is called already", name, taken[name])
		}
		taken[name] = host
	}
}
