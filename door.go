package understudy

import (
	"net/netip"
	"regexp"
	"strings"
	"time"
)

// Door is how the front door of an environment treats whoever comes to it. The zero value
// is a door that speaks plain HTTP and trusts nobody.
type Door struct {
	// Hosts are the names of routes in this environment, by their name in the release.
	Hosts map[string]string `json:"hosts,omitempty"`
	TLS   *TLS              `json:"tls,omitempty"` // nil: none
	// Redirect is host:port of a second listener that sends http to https.
	Redirect string `json:"redirect,omitempty"`
	// Trusted are peers (address or CIDR) whose word on the client is taken.
	Trusted []string `json:"trusted,omitempty"`
	// ProxyFrom are peers that begin every connection with a PROXY header.
	ProxyFrom []string `json:"proxyFrom,omitempty"`
	Limits    Limits   `json:"limits,omitzero"`
	// Sticky is a header that names the client, so that it stays on its side without a cookie.
	Sticky string `json:"sticky,omitempty"`
	// Token is what testers bring to choose a release.
	Token SecretRef `json:"token,omitempty"`
}

// IsZero tells whether nothing is said of the door.
func (d Door) IsZero() bool {
	return len(d.Hosts)+len(d.Trusted)+len(d.ProxyFrom) == 0 && d.TLS == nil && d.Redirect == "" && d.Sticky == "" && d.Token == "" && d.Limits == Limits{}
}

// TLS is where a front door has its certificates from: files, or an ACME server.
type TLS struct {
	Cert string `json:"cert,omitempty"` // PEM file of the chain, the leaf first
	Key  string `json:"key,omitempty"`  // PEM file
	ACME *ACME  `json:"acme,omitempty"`
}

// ACME is who issues certificates for the hosts of the routes.
type ACME struct {
	Email     string `json:"email,omitempty"`     // whom the issuer writes to
	Directory string `json:"directory,omitempty"` // URL; empty: Let's Encrypt
	CA        string `json:"ca,omitempty"`        // PEM file of who signed the directory's own certificate, where that is no public one
}

// Certificate is one that a front door shows.
type Certificate struct {
	Hosts   []string  `json:"hosts"`
	From    string    `json:"from"` // file, or the issuer's directory
	Until   time.Time `json:"until,omitzero"`
	Problem string    `json:"problem,omitempty"` // what somebody should see to before it runs out
}

// Limits bound what one client may take of a front door. What is 0 has its default.
type Limits struct {
	Header      int64         `json:"header,omitempty"`      // bytes of a request's line and headers
	HeaderTime  time.Duration `json:"headerTime,omitempty"`  // for them to arrive, and for a TLS handshake
	Body        int64         `json:"body,omitempty"`        // bytes of a request's body; below 0: any
	Stall       time.Duration `json:"stall,omitempty"`       // for which a client may neither send nor read
	Connections int           `json:"connections,omitempty"` // of the door
	PerClient   int           `json:"perClient,omitempty"`   // connections of one address; below 0: any
	Requests    int           `json:"requests,omitempty"`    // on one connection, before it is closed
	Streams     int           `json:"streams,omitempty"`     // requests at once on one HTTP/2 connection
}

// WithDefaults fills in what was left out.
func (l Limits) WithDefaults() Limits {
	fill(&l.Header, 64<<10)
	fill(&l.HeaderTime, 10*time.Second)
	fill(&l.Body, 1<<30)
	fill(&l.Stall, time.Minute)
	fill(&l.Connections, 20_000)
	fill(&l.PerClient, 1000)
	fill(&l.Requests, 10_000)
	fill(&l.Streams, 250)
	return l
}

func fill[N ~int | ~int64](at *N, otherwise N) {
	if *at == 0 {
		*at = otherwise
	}
}

// Place is where a route leads from: a host, or any where it is empty, and a path prefix.
type Place struct {
	Host   string // lower case; "*.example.com" is every name with one more part
	Prefix string
}

var hostName = regexp.MustCompile(`^(\*\.)?[a-z0-9_]([a-z0-9_-]{0,62})?(\.[a-z0-9_]([a-z0-9_-]{0,62})?)*$`)

// ParsePlace reads "/", "/api", "shop.example.com/api" or "*.example.com".
func ParsePlace(text string) (Place, error) {
	host, path, found := strings.Cut(text, "/")
	p := Place{Host: strings.ToLower(host), Prefix: "/" + path}
	_, noAddress := netip.ParseAddr(host)
	switch {
	case text == "", strings.ContainsAny(path, " ?#"):
		return p, Errorf(KindInvalid, "a route is a path, a host, or both, as /api, shop.example.com or shop.example.com/api; found %q", text)
	case host == "" && found:
		return p, nil
	case noAddress == nil:
		return p, Errorf(KindInvalid, "a route names a host and not an address, found %q", text)
	case len(host) > 253, !hostName.MatchString(p.Host):
		return p, Errorf(KindInvalid, "a route's host is a name such as shop.example.com or *.example.com, without a port; found %q", host)
	}
	return p, nil
}

// Wildcard tells whether the host stands for many.
func (p Place) Wildcard() bool { return strings.HasPrefix(p.Host, "*.") }

// Here is the place under the name that its host has in an environment.
func (p Place) Here(hosts map[string]string) Place {
	if name, given := hosts[p.Host]; given {
		p.Host = strings.ToLower(name)
	}
	return p
}

// Reached are the places that lead to a service, as they are written; none, where it has
// no route.
func (s Service) Reached() []string {
	if s.Route == "" {
		return nil
	}
	return append([]string{s.Route}, s.Routes...)
}
