package load

import (
	"bytes"
	"context"
	"fmt"
	"html"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// bodyRead is how much of an answer is kept to capture from and to quote; what follows is
// read, because it is part of the answer's time, and forgotten.
const bodyRead = 1 << 20

// visit is one visitor on one journey.
type visit struct {
	web     *web
	journey journey
	client  http.Client
	values  values
}

// newVisit prepares the visit of a number.
func (w *web) newVisit(number uint64, transport *http.Transport) *visit {
	g := w.g
	random := rand.New(rand.NewPCG(g.seed, number))
	v := &visit{web: w, journey: w.choose(random)}
	v.values = values{random: random, named: map[string]string{
		"unique": "u" + strconv.FormatUint(g.seed%(36*36*36*36*36*36), 36) + "n" + strconv.FormatUint(number, 36),
	}}
	cookies, _ := cookiejar.New(nil) // never fails
	v.client = http.Client{
		Transport:     transport,
		Jar:           openJar{cookies},
		CheckRedirect: stay,
	}
	return v
}

// openJar keeps cookies as a browser would if the address were the public one: whatever
// domain they name, and secure ones over plain HTTP too.
type openJar struct{ jar *cookiejar.Jar }

// SetCookies implements http.CookieJar.
func (j openJar) SetCookies(u *url.URL, cookies []*http.Cookie) {
	for _, c := range cookies {
		c.Secure, c.Domain = false, ""
	}
	j.jar.SetCookies(u, cookies)
}

// Cookies implements http.CookieJar.
func (j openJar) Cookies(u *url.URL) []*http.Cookie { return j.jar.Cookies(u) }

// run makes the journey's requests until one fails or until is done. Requests under way
// then are finished: they end with requests.
func (v *visit) run(until, requests context.Context, due time.Time) {
	for i, s := range v.journey.steps {
		if i > 0 && until.Err() != nil {
			return
		}
		flying := v.web.g.record.send(s.label, due)
		lateness := time.Since(due)
		failure := v.request(requests, s)
		due = v.web.g.record.answered(flying, lateness, i == 0, failure)
		if failure != nil {
			return
		}
	}
}

// failure is why a step failed: in a few words that many failures share, and as an example.
type failure struct{ class, sample string }

// request makes one request and forgets the answer but for what it captures.
func (v *visit) request(ctx context.Context, s step) *failure {
	_, failed := v.exchange(ctx, s)
	return failed
}

// prepare fills a step in.
func (v *visit) prepare(ctx context.Context, s step) (*http.Request, error) {
	address := strings.TrimSuffix(v.web.base.String(), "/") + s.path.fill(v.values)
	var body io.Reader
	contentType := ""
	switch {
	case len(s.form) > 0:
		form := url.Values{}
		for _, name := range slices.Sorted(maps.Keys(s.form)) {
			form.Set(name, s.form[name].fill(v.values))
		}
		body, contentType = strings.NewReader(form.Encode()), "application/x-www-form-urlencoded"
	case s.hasBody:
		text := s.body.fill(v.values)
		body = strings.NewReader(text)
		if strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[") {
			contentType = "application/json"
		}
	}
	request, err := http.NewRequestWithContext(ctx, s.method, address, body)
	if err != nil {
		return nil, err
	}
	maps.Copy(request.Header, v.web.header)
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	for _, name := range slices.Sorted(maps.Keys(s.header)) {
		request.Header.Set(name, s.header[name].fill(v.values))
	}
	if host := request.Header.Get("Host"); host != "" {
		request.Host = host
	}
	return request, nil
}

// readBody reads an answer to its end and closes it.
func readBody(body io.ReadCloser) ([]byte, error) {
	defer body.Close()
	var kept bytes.Buffer
	if _, err := io.CopyN(&kept, body, bodyRead); err == io.EOF {
		return kept.Bytes(), nil
	} else if err != nil {
		return nil, err
	}
	_, err := io.Copy(io.Discard, body)
	return kept.Bytes(), err
}

// capture keeps what later steps need. From a page it is read as a browser reads it, with
// entities resolved.
func (v *visit) capture(s step, response *http.Response, body []byte) *failure {
	for _, name := range slices.Sorted(maps.Keys(s.captures)) {
		m := s.captures[name].FindSubmatch(body)
		if m == nil {
			class := fmt.Sprintf("%s → %d without %s", s.label, response.StatusCode, name)
			return &failure{class: class, sample: class + ": " + quote(body)}
		}
		value := string(m[1])
		if strings.HasPrefix(response.Header.Get("Content-Type"), "text/html") {
			value = html.UnescapeString(value)
		}
		v.values.named[name] = value
	}
	return nil
}
