package router

import (
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	testerHeader = "X-Understudy-Token"
	chooseHeader = "X-Understudy-Release" // also what marks answers
	chooseQuery  = "understudy-release"
	chooseCookie = "understudy-release"
	chosenFor    = 12 * time.Hour
)

// welcomeTester notes whether a request brings the token of testers, and which release it
// chooses then. Of anybody else a choice is nothing, and does not arrive.
func (v *visit) welcomeTester() {
	r := v.request
	if v.settings.testers != nil {
		cookie, err := r.Cookie(gateCookie)
		v.tester = v.settings.testers.opens(r.Header.Get(testerHeader)) || err == nil && v.settings.testers.opens(cookie.Value)
	}
	if !v.tester {
		return
	}
	v.chosen = r.Header.Get(chooseHeader)
	if cookie, err := r.Cookie(chooseCookie); err == nil && v.chosen == "" {
		v.chosen, _ = url.QueryUnescape(cookie.Value) // one that is broken chooses nothing
	}
	if query, is := chosenByQuery(r.URL.RawQuery); is {
		v.chosen = query
		v.keepChoice(query)
	}
}

// chosenByQuery reads a choice that is part of an address.
func chosenByQuery(query string) (release string, is bool) {
	for pair := range strings.SplitSeq(query, "&") {
		if name, value, _ := strings.Cut(pair, "="); name == chooseQuery {
			text, err := url.QueryUnescape(value)
			return text, err == nil
		}
	}
	return "", false
}

// keepChoice lets what the page loads come from the same release. An empty choice ends it.
func (v *visit) keepChoice(release string) {
	cookie := &http.Cookie{Name: chooseCookie, Value: url.QueryEscape(release), Path: "/", HttpOnly: true, Secure: v.secure(),
		SameSite: http.SameSiteLaxMode, MaxAge: int(chosenFor.Seconds())}
	if release == "" {
		cookie.MaxAge = -1
	}
	v.choice = cookie
}

// withoutChoice is a query as the application would get it from anybody else.
func withoutChoice(query string) string {
	if !strings.Contains(query, chooseQuery) {
		return query
	}
	var kept []string
	for pair := range strings.SplitSeq(query, "&") {
		if name, _, _ := strings.Cut(pair, "="); name != chooseQuery {
			kept = append(kept, pair)
		}
	}
	return strings.Join(kept, "&")
}
