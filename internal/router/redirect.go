package router

import (
	"net"
	"net/http"
	"time"
)

// redirect sends http to https, and answers the questions of an issuer of certificates. It
// is all that the second listener of a front does. What has no host of ours, or none at
// all, is sent nowhere: a redirect to any name that a client writes is a gift to swindlers.
type redirect struct{ front *front }

func (d redirect) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f := d.front
	if keys := f.keys.Load(); keys != nil {
		if answers := (*keys).challenge(); answers != nil && answers(w, r) {
			return
		}
	}
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	if f.crowd.leaving() {
		h.Set("Connection", "close")
	}
	name := hostOf(r.Host)
	if name == "" || !f.knows(name) {
		http.Error(w, "there is no site of this name here", http.StatusNotFound)
		return
	}
	target := *r.URL
	target.Scheme, target.Host, target.User = "https", f.secured(name), nil
	h.Del("Content-Type")
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(refusedFor)) // a body is of no interest
	http.Redirect(w, r, target.String(), http.StatusPermanentRedirect)
}

// secured is a host with the port of the front, where that is not what browsers assume.
func (f *front) secured(name string) string {
	f.mu.Lock()
	_, port, _ := net.SplitHostPort(f.record.Listen) // validated with the record
	f.mu.Unlock()
	if port == "443" {
		return name
	}
	return net.JoinHostPort(name, port)
}

// knows tells whether any route of what is deployed has a host that a name meets.
func (f *front) knows(name string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.split {
		if p.slot.knows(name) {
			return true
		}
	}
	return false
}
