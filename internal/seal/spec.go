package seal

import (
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"

	"understudy"
)

// Spec is what a seal lets through, and where it keeps what it caught.
type Spec struct {
	// Forwards lead from inside to Unix sockets outside: databases, the router.
	Forwards []Forward `json:"forwards,omitempty"`
	// Publish leads from Unix sockets outside to programs inside.
	Publish []Forward `json:"publish,omitempty"`
	// Captures is the file that what was caught is appended to, JSON lines, mode 0600.
	Captures     string                   `json:"captures"`
	Integrations []understudy.Integration `json:"integrations,omitempty"`
	// Addresses is the configured address of each integration by its name: a URL or
	// host:port, unchanged from production. One without an address is answered by none.
	Addresses map[string]string `json:"addresses,omitempty"`
	CA        string            `json:"ca"` // folder of the twin's own certificate authority; made on first use
	// Keep lists ports that programs inside listen on and no catcher may take.
	// Ports in Forwards and Publish are kept anyway.
	Keep []int `json:"keep,omitempty"`
}

// Forward carries connections from one address to another, half-closes included.
// In Spec.Forwards, Listen is host:port inside and To is unix:/path; in Spec.Publish
// the other way round.
type Forward struct {
	Listen string `json:"listen"`
	To     string `json:"to"`
	// Refuses says who does not get through: PostgreSQL answers there. Nil: anything goes.
	Refuses *Refused `json:"refuses,omitempty"`
}

// Refused are sessions of PostgreSQL that a forward does not let through.
type Refused struct {
	Roles     []string `json:"roles,omitempty"`     // that nobody signs in as
	Databases []string `json:"databases,omitempty"` // what is in the names of those that nobody connects to
}

func (s Spec) validate() error {
	if !filepath.IsAbs(s.Captures) || !filepath.IsAbs(s.CA) {
		return understudy.Errorf(understudy.KindInvalid,
			"sealing: captures and ca must be absolute paths, found %q and %q", s.Captures, s.CA)
	}
	for _, f := range s.Forwards {
		if !isTCP(f.Listen) || !isUnix(f.To) {
			return understudy.Errorf(understudy.KindInvalid,
				"sealing: a forward leads from an IP address and port to unix:/path, found %q to %q", f.Listen, f.To)
		}
	}
	for _, f := range s.Publish {
		if !isUnix(f.Listen) || !isTCP(f.To) {
			return understudy.Errorf(understudy.KindInvalid,
				"sealing: a publication leads from unix:/path to an IP address and port, found %q to %q", f.Listen, f.To)
		}
	}
	return nil
}

func isTCP(address string) bool {
	at, err := netip.ParseAddrPort(address)
	return err == nil && at.Port() != 0
}

func isUnix(address string) bool {
	path, found := strings.CutPrefix(address, "unix:")
	return found && filepath.IsAbs(path)
}

// kept is the ports that no catcher may take.
func (s Spec) kept() map[int]bool {
	kept := map[int]bool{}
	for _, port := range s.Keep {
		kept[port] = true
	}
	for _, f := range s.Forwards {
		kept[portOf(f.Listen)] = true
	}
	for _, f := range s.Publish {
		kept[portOf(f.To)] = true
	}
	return kept
}

func portOf(address string) int {
	at, err := netip.ParseAddrPort(address)
	if err != nil { // validated before
		return 0
	}
	return int(at.Port())
}

// place is where an integration is, as its configuration says.
type place struct {
	understudy.Integration
	host   string
	port   int
	secure bool // TLS from the first byte
	prefix string
}

// places is the integrations that have an address. One that cannot be read is an error
// that names the integration and not its address, which may hold a credential.
func (s Spec) places() ([]place, error) {
	var out []place
	for _, integration := range s.Integrations {
		address := s.Addresses[integration.Name]
		if address == "" {
			continue
		}
		p, err := parsePlace(integration, address)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

func parsePlace(integration understudy.Integration, address string) (place, error) {
	bad := understudy.Errorf(understudy.KindInvalid,
		"sealing: the address of integration %s is neither a URL nor host:port", integration.Name).
		WithHint("look at the value of %s", integration.Env)
	if !strings.Contains(address, "://") {
		address = integration.Kind + "://" + address
	}
	at, err := url.Parse(address)
	if err != nil || at.Hostname() == "" {
		return place{}, bad
	}
	p := place{Integration: integration, host: plainHost(at.Hostname()), secure: at.Scheme == "https" || at.Scheme == "smtps",
		prefix: strings.TrimSuffix(at.Path, "/")}
	if p.port, err = strconv.Atoi(at.Port()); at.Port() != "" && err != nil {
		return place{}, bad
	}
	if p.port == 0 {
		p.port = map[string]int{"http": 80, "https": 443, "smtp": 25, "smtps": 465}[at.Scheme]
	}
	return p, nil
}

// plainHost is a host as it is compared: lower case, no final dot, no port.
func plainHost(host string) string {
	if bare, _, err := net.SplitHostPort(host); err == nil {
		host = bare
	}
	return strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
}

// match finds the integration that a call of a kind was for: best by host and port,
// then by host, then by a port that is nobody's default. Nil: none.
func match(places []place, kind, host string, port int, path string) *place {
	best, found := 0, (*place)(nil)
	for i := range places {
		p := &places[i]
		if p.Kind != kind || !strings.HasPrefix(path, p.prefix) {
			continue
		}
		score := 0
		switch {
		case p.host == host && p.port == port:
			score = 3
		case p.host == host:
			score = 2
		case p.port == port && !wellKnown(port):
			score = 1
		}
		if score > 0 && score<<16+len(p.prefix) > best {
			best, found = score<<16+len(p.prefix), p
		}
	}
	return found
}

// wellKnown tells of a port that says nothing about whose it is.
func wellKnown(port int) bool {
	switch port {
	case 25, 80, 443, 465, 587:
		return true
	default:
		return false
	}
}
