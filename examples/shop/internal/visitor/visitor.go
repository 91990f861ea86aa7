// Package visitor is somebody with a browser: one cookie jar, one request after the
// other. The end-to-end tests and the customers of the demonstration are made of them.
package visitor

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// Answer is what came of one request.
type Answer struct {
	Step    string // method and path, numbers taken out
	Release string // the release that answered; empty: none did
	Took    time.Duration
	Err     error // nil: as expected
}

// Visitor makes requests. It is for one goroutine.
type Visitor struct {
	base   string
	client *http.Client
	note   func(Answer)
}

// New is a visitor of the site at base, a URL without a path. Note is told of each answer.
func New(base string, transport http.RoundTripper, note func(Answer)) *Visitor {
	jar, err := cookiejar.New(nil)
	if err != nil { // it has no way to fail without options
		panic(err)
	}
	return &Visitor{
		base: strings.TrimSuffix(base, "/"), note: note,
		client: &http.Client{
			Transport: transport, Jar: jar, Timeout: 5 * time.Second,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// Get asks for a page and expects a status; it returns the body.
func (v *Visitor) Get(ctx context.Context, path string, want int) (string, error) {
	body, _, err := v.do(ctx, http.MethodGet, path, nil, want)
	return body, err
}

// Post sends a form and expects a status; it returns the body and where it was sent on to.
func (v *Visitor) Post(ctx context.Context, path string, form url.Values, want int) (body, location string, err error) {
	return v.do(ctx, http.MethodPost, path, form, want)
}

var number = regexp.MustCompile(`\d+`)

func (v *Visitor) do(ctx context.Context, method, path string, form url.Values, want int) (body, location string, err error) {
	template, _, _ := strings.Cut(path, "?")
	answer := Answer{Step: method + " " + number.ReplaceAllString(template, "{n}")}
	started := time.Now()
	defer func() {
		answer.Took, answer.Err = time.Since(started), err
		v.note(answer)
	}()
	request, err := http.NewRequestWithContext(ctx, method, v.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		return "", "", err
	}
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := v.client.Do(request)
	if err != nil {
		return "", "", err
	}
	defer response.Body.Close()
	answer.Release = response.Header.Get("Shop-Release")
	read, err := io.ReadAll(response.Body)
	if err != nil {
		return "", "", fmt.Errorf("%s: reading the answer: %w", answer.Step, err)
	}
	if response.StatusCode != want {
		return string(read), "", fmt.Errorf("%s: expected status %d, found %d", answer.Step, want, response.StatusCode)
	}
	return string(read), response.Header.Get("Location"), nil
}

// SignUp makes an account with an invented owner and signs in to it.
func (v *Visitor) SignUp(ctx context.Context, email, name string) error {
	_, _, err := v.Post(ctx, "/signup", url.Values{
		"email": {email}, "password": {"corner-shop"}, "name": {name}, "phone": {"+49 30 23125 123"},
		"street": {"Lindenweg 7"}, "postcode": {"12345"}, "city": {"Neustadt"}, "born": {"1990-12-31"},
	}, http.StatusSeeOther)
	return err
}

// SignIn signs in to an account.
func (v *Visitor) SignIn(ctx context.Context, email string) error {
	_, _, err := v.Post(ctx, "/signin", url.Values{"email": {email}, "password": {"corner-shop"}}, http.StatusSeeOther)
	return err
}

// Buy puts a product into the cart and orders it; it returns the path of the order.
func (v *Visitor) Buy(ctx context.Context, product, quantity int) (order string, err error) {
	_, _, err = v.Post(ctx, "/cart", url.Values{
		"product": {fmt.Sprint(product)}, "quantity": {fmt.Sprint(quantity)},
	}, http.StatusSeeOther)
	if err != nil {
		return "", err
	}
	if _, err := v.Get(ctx, "/cart", http.StatusOK); err != nil {
		return "", err
	}
	_, order, err = v.Post(ctx, "/checkout", url.Values{}, http.StatusSeeOther)
	return order, err
}
