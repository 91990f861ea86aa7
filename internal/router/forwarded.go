package router

import (
	"net/http"
	"net/http/httputil"
	"net/netip"
	"slices"
	"strings"
)

// believed are the headers with which a proxy speaks of the client. A peer that is not
// named as trusted could write anything into them, so of others they do not arrive.
func believed(name string) bool {
	return strings.HasPrefix(name, "X-Forwarded-") || name == "Forwarded" || name == "X-Real-Ip" || name == "X-Request-Id" ||
		name == "X-Original-Url" || name == "X-Rewrite-Url" || name == "X-Client-Ip" || name == "True-Client-Ip"
}

// dropHearsay takes out what nobody can be believed on. Names with an underscore go too,
// where they would be the same to an application that writes both as one.
func dropHearsay(h http.Header, trusted bool) {
	for name := range h {
		plain := name
		if strings.IndexByte(name, '_') >= 0 {
			plain = http.CanonicalHeaderKey(strings.ReplaceAll(name, "_", "-"))
		}
		if believed(plain) && (plain != name || !trusted) {
			delete(h, name)
		}
	}
}

// forward says who the client is, as far as it is known here.
func (v *visit) forward(p *httputil.ProxyRequest) {
	dropHearsay(p.Out.Header, v.trusted)
	if v.trusted {
		p.Out.Header["X-Forwarded-For"] = slices.Clone(p.In.Header["X-Forwarded-For"])
	}
	p.SetXForwarded()
	if v.trusted {
		for _, name := range []string{"X-Forwarded-Host", "X-Forwarded-Proto"} {
			if told := p.In.Header.Get(name); told != "" {
				p.Out.Header.Set(name, told)
			}
		}
		if told := p.In.Header["Forwarded"]; len(told) > 0 {
			p.Out.Header["Forwarded"] = append(slices.Clone(told), v.ownForwarded())
		}
	}
	p.Out.Header.Set("X-Request-Id", v.id)
}

// ownForwarded is what this router adds to the chain of RFC 7239, where a trusted peer
// began one.
func (v *visit) ownForwarded() string {
	peer, proto := peerOf(v.request), "http"
	if v.request.TLS != nil {
		proto = "https"
	}
	text := peer.String()
	if peer.Is6() {
		text = `"[` + text + `]"`
	}
	return "for=" + text + `;host="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(v.request.Host) + `";proto=` + proto
}

// secure tells whether the client came by TLS, to us or to a trusted peer.
func (v *visit) secure() bool {
	return v.request.TLS != nil || v.trusted && v.request.Header.Get("X-Forwarded-Proto") == "https"
}

// client is who makes the request: the nearest address that is no trusted peer's.
func (v *visit) client() netip.Addr {
	at := peerOf(v.request)
	if !v.trusted {
		return at
	}
	told := strings.Split(strings.Join(v.request.Header["X-Forwarded-For"], ","), ",")
	for i := len(told) - 1; i >= 0 && within(v.settings.trusted, at); i-- {
		next, err := netip.ParseAddr(strings.TrimSpace(told[i]))
		if err != nil {
			break
		}
		at = next.Unmap()
	}
	return at
}

// peerOf is the address that a request's connection came from, or that a balancer told.
func peerOf(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return peer.Addr().Unmap()
}

// within tells whether one of the networks has an address.
func within(networks []netip.Prefix, a netip.Addr) bool {
	return a.IsValid() && slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(a.WithZone("")) })
}
