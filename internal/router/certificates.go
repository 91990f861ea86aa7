package router

import (
	"crypto/tls"
	"reflect"
	"time"

	"understudy"
)

// certificates are what a front shows to clients that speak TLS.
type certificates interface {
	config() *tls.Config                          // the same one each time, so that sessions can be resumed
	want(hosts []string)                          // from now on, for these
	state(now time.Time) []understudy.Certificate // for people
	challenge() httpChallenge                     // what has to be answered on port 80; may be nil
	close()                                       // nothing goes on in the background afterwards
}

// runsOutSoon is how long before its end a certificate that nobody renews is a problem.
const runsOutSoon = 14 * 24 * time.Hour

// newCertificates begins with what is on disk. What is wrong with it is for state.
func newCertificates(shared *shared, front Front) certificates {
	if front.TLS.ACME != nil {
		return newIssued(shared, front)
	}
	return newPair(shared, front)
}

// tlsConfig agrees on HTTP/2 where the client can.
func tlsConfig(get func(*tls.ClientHelloInfo) (*tls.Certificate, error), more ...string) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: get, NextProtos: append([]string{"h2", "http/1.1"}, more...)}
}

// adoptKeys brings the certificates into line with a front. Those of before go on where
// nothing of them has changed.
func (f *front) adoptKeys(r record) {
	have := f.keys.Load()
	if have != nil && reflect.DeepEqual(f.keysFor, keyWishes(r.Front)) {
		(*have).want(r.hosts())
		return
	}
	var fresh *certificates
	if r.TLS != nil {
		made := newCertificates(f.shared, r.Front)
		made.want(r.hosts())
		fresh = &made
	}
	f.keysFor = keyWishes(r.Front)
	f.keys.Store(fresh)
	if have != nil {
		(*have).close()
	}
}

// wishes are what certificates depend on.
type wishes struct {
	tls              *understudy.TLS
	listen, redirect string
}

func keyWishes(f Front) wishes { return wishes{f.TLS, f.Listen, f.Redirect} }

// hosts are the names that routes of any slot give, without wildcards, which cannot be had
// by the challenges that are answered here.
func (r record) hosts() []string {
	seen := map[string]bool{}
	var out []string
	for _, s := range r.Slots {
		for _, route := range s.Routes {
			if rank(route.Host) == 0 && !seen[route.Host] {
				seen[route.Host] = true
				out = append(out, route.Host)
			}
		}
	}
	return out
}

func (f *front) closeKeys() {
	if have := f.keys.Swap(nil); have != nil {
		(*have).close()
	}
}

// shown are the certificates of a front.
func (f *front) shown(now time.Time) []understudy.Certificate {
	if have := f.keys.Load(); have != nil {
		return (*have).state(now)
	}
	return nil
}

// covers tells whether a connection for one name may be used for another: its certificate
// must hold for both.
func (f *front) covers(shown, asked string) bool {
	for _, c := range f.shown(time.Now()) {
		if anyMeets(c.Hosts, shown) && anyMeets(c.Hosts, asked) {
			return true
		}
	}
	return false
}

func anyMeets(patterns []string, name string) bool {
	for _, p := range patterns {
		if meets(p, name) {
			return true
		}
	}
	return false
}
