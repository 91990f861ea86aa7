package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
)

// door is a way into Miniflux: pages first, then its API with a key.
type door struct {
	client http.Client
	base   string
	key    string
}

var (
	csrfField = regexp.MustCompile(`name="csrf" value="([^"]+)"`)
	keyCell   = regexp.MustCompile(`<th>Token</th>\s*<td>([^<]+)</td>`)
)

// enter signs in and makes an API key.
func enter(ctx context.Context, base, user, password string) (*door, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	d := &door{client: http.Client{Jar: jar}, base: strings.TrimSuffix(base, "/")}
	if err := d.submit(ctx, "/", "/login", url.Values{"username": {user}, "password": {password}}); err != nil {
		return nil, fmt.Errorf("signing in: %w", err)
	}
	if err := d.submit(ctx, "/keys/create", "/keys/save", url.Values{"description": {"seed"}}); err != nil {
		return nil, fmt.Errorf("making an API key: %w", err)
	}
	d.key, err = d.find(ctx, "/keys", keyCell)
	return d, err
}

// submit fills in the form on a page.
func (d *door) submit(ctx context.Context, page, to string, form url.Values) error {
	csrf, err := d.find(ctx, page, csrfField)
	if err != nil {
		return err
	}
	form.Set("csrf", csrf)
	_, err = d.send(ctx, "POST", to, "application/x-www-form-urlencoded", []byte(form.Encode()))
	return err
}

// find gets a page and reads one thing off it.
func (d *door) find(ctx context.Context, page string, what *regexp.Regexp) (string, error) {
	raw, err := d.send(ctx, "GET", page, "", nil)
	if err != nil {
		return "", err
	}
	match := what.FindSubmatch(raw)
	if match == nil {
		return "", fmt.Errorf("page %s: expected %s on it, found nothing like that", page, what)
	}
	return html.UnescapeString(string(match[1])), nil
}

// do calls the API. What it answers goes into out, unless that is nil.
func (d *door) do(ctx context.Context, method, path string, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return err
		}
	}
	raw, err := d.send(ctx, method, path, "application/json", body)
	if err != nil || out == nil {
		return err
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return fmt.Errorf("%s %s: reading the answer: %w", method, path, err)
	}
	return nil
}

func (d *door) send(ctx context.Context, method, path, kind string, body []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, d.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if kind != "" {
		request.Header.Set("Content-Type", kind)
	}
	if d.key != "" {
		request.Header.Set("X-Auth-Token", d.key)
	}
	response, err := d.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }() // it was read to its end
	raw, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode >= 400 {
		err = fmt.Errorf("%s %s: expected an answer below 400, found %d: %.200s", method, path, response.StatusCode, raw)
	}
	return raw, err
}
