package router

import (
	"encoding/hex"
	"net/http"
	"net/netip"
	"slices"

	"understudy"
)

// settings are a Front's wishes in the form that requests are held against. They are
// never changed, only replaced.
type settings struct {
	name    string
	mark    bool
	gate    []byte // hash of the token; nil: open to everybody
	trusted []netip.Prefix
	queue   int
}

func (f Front) settings() (*settings, error) {
	s := &settings{name: f.Name, mark: f.Mark, queue: f.Queue}
	if s.queue <= 0 {
		s.queue = DefaultQueue
	}
	if f.Gate != nil {
		hash, err := hex.DecodeString(f.Gate.TokenSHA256)
		if err != nil || len(hash) != 32 {
			return nil, understudy.Errorf(understudy.KindInvalid,
				"the gate of front %s wants the SHA-256 of its token: 64 hexadecimal digits", f.Name)
		}
		s.gate = hash
	}
	for _, text := range f.Trusted {
		prefix, err := parsePeer(text)
		if err != nil {
			return nil, err
		}
		s.trusted = append(s.trusted, prefix)
	}
	return s, nil
}

// trusts tells whether the direct peer of a request is one whose word on the client is taken.
func (s *settings) trusts(r *http.Request) bool {
	if len(s.trusted) == 0 {
		return false
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(s.trusted, func(p netip.Prefix) bool { return p.Contains(peer.Addr().Unmap()) })
}
