package router

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"understudy"
)

// settings are a Front's wishes in the form that requests are held against. They are
// never changed, only replaced.
type settings struct {
	name    string
	mark    bool
	gate    tokenHash // nil: open to everybody
	testers tokenHash // nil: there are none
	trusted []netip.Prefix
	proxies []netip.Prefix // that begin with a PROXY header
	queue   int
	limits  understudy.Limits
	sticky  string // header; empty: none
	probes  []string
}

func (f Front) settings() (*settings, error) {
	s := &settings{name: f.Name, mark: f.Mark, queue: f.Queue, limits: f.Limits.WithDefaults(), sticky: http.CanonicalHeaderKey(f.Sticky), probes: f.Probes}
	if s.queue <= 0 {
		s.queue = DefaultQueue
	}
	var err error
	if s.gate, err = f.hash(f.Gate); err != nil {
		return nil, err
	}
	if s.testers, err = f.hash(f.Testers); err != nil {
		return nil, err
	}
	if s.trusted, err = parsePeers(f.Trusted); err != nil {
		return nil, err
	}
	s.proxies, err = parsePeers(f.ProxyFrom)
	return s, err
}

// tokenHash is what is known of a token.
type tokenHash []byte

func (f Front) hash(g *Gate) (tokenHash, error) {
	if g == nil {
		return nil, nil
	}
	hash, err := hex.DecodeString(g.TokenSHA256)
	if err != nil || len(hash) != sha256.Size {
		return nil, understudy.Errorf(understudy.KindInvalid,
			"the gate of front %s wants the SHA-256 of its token: 64 hexadecimal digits", f.Name)
	}
	return hash, nil
}

// opens tells whether a token is the one that is wanted.
func (h tokenHash) opens(token string) bool {
	if h == nil || token == "" {
		return false
	}
	sum := sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(sum[:], h) == 1
}

// trusts tells whether the direct peer of a request is one whose word on the client is taken.
func (s *settings) trusts(r *http.Request) bool {
	return len(s.trusted) > 0 && within(s.trusted, peerOf(r))
}

// counts tells whether connections are counted for a client by itself. Trusted peers stand
// for many clients, and so may whatever runs on this machine.
func (s *settings) counts(client netip.Addr) bool {
	return client.IsValid() && !client.IsLoopback() && !within(s.trusted, client)
}

// parsePeers reads addresses and CIDRs.
func parsePeers(texts []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, text := range texts {
		prefix, err := parsePeer(text)
		if err != nil {
			return nil, err
		}
		out = append(out, prefix)
	}
	return out, nil
}

// validateDoor reports what is wrong with how a front is reached.
func (f Front) validateDoor() error {
	wrong := func(format string, args ...any) error {
		return understudy.Errorf(understudy.KindInvalid, "front "+f.Name+" "+format, args...)
	}
	if f.Redirect != "" {
		if _, port, err := net.SplitHostPort(f.Redirect); err != nil || port == "" {
			return wrong("redirects from host:port, found %q", f.Redirect)
		}
		if f.TLS == nil {
			return wrong("redirects to https, and speaks no TLS")
		}
	}
	if f.TLS != nil && (f.TLS.ACME == nil) == (f.TLS.Cert == "" || f.TLS.Key == "") {
		return wrong("has certificates from files or from an issuer, expected one of them")
	}
	if slices.ContainsFunc([]rune(f.Sticky), func(r rune) bool { return r != '-' && (r < '0' || r > 'z') }) {
		return wrong("keeps clients on their side by a header, found %q", f.Sticky)
	}
	for _, path := range f.Probes {
		if !strings.HasPrefix(path, "/") {
			return wrong("has probes at paths that begin with /, found %q", path)
		}
	}
	l := f.Limits
	if l.Header < 0 || l.HeaderTime < 0 || l.Stall < 0 || l.Connections < 0 || l.Requests < 0 || l.Streams < 0 || l.Header > 16<<20 {
		return wrong("has limits of 0, for the default, and above, and headers of at most 16 MiB")
	}
	return nil
}
