package featureflag

import (
	"net/http"
	"testing"
)

func TestOnlyPagesOfDeclaredOriginsMayAskFromABrowser(t *testing.T) {
	const shop, one = "https://shop.example.com", "/ofrep/v1/evaluate/flags/banner"
	asks := map[string]string{"Origin": shop, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization", "Authorization": ""}
	private := map[string]string{"Origin": shop, "Access-Control-Request-Method": "GET", "Access-Control-Request-Private-Network": "true"}
	stranger := map[string]string{"Origin": "https://shop.example.com.evil.example", "Access-Control-Request-Method": "POST"}
	for _, c := range []struct {
		claim           string
		origins         []string
		ask             asking
		status          int
		allowed, inside string
	}{
		{"a browser asks first, without the token", []string{shop}, asking{method: http.MethodOptions, path: one, header: asks}, 204, shop, ""},
		{"it may reach loopback from there", []string{"https://other.example", shop}, asking{method: http.MethodOptions, path: eventsPath, header: private}, 204, shop, "true"},
		{"then it asks, with the token", []string{shop}, asking{path: one, header: map[string]string{"Origin": shop}}, 200, shop, ""},
		{"the page may read why it is refused", []string{shop}, asking{path: one, header: map[string]string{"Origin": shop, "Authorization": ""}}, 401, shop, ""},
		{"a page of another origin may not", []string{shop}, asking{method: http.MethodOptions, path: one, header: stranger}, 405, "", ""},
		{"nor read an answer", []string{shop}, asking{path: one, header: map[string]string{"Origin": "null"}}, 200, "", ""},
		{"where none is declared, none may", nil, asking{method: http.MethodOptions, path: one, header: asks}, 405, "", ""},
		{"who is no browser is answered as always", []string{shop}, asking{path: one}, 200, "", ""},
	} {
		w := c.ask.of(t, NewHandler(NewLive(parsed(t, shopFlags)), "the-token", &Reads{}, c.origins...))
		h := w.Header()
		if w.Code != c.status || h.Get("Access-Control-Allow-Origin") != c.allowed || h.Get("Access-Control-Allow-Private-Network") != c.inside || (h.Get("Vary") == "Origin") != (c.origins != nil) {
			t.Errorf("%s: %d, %v", c.claim, w.Code, h)
		}
		if h.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: cookies are let in", c.claim)
		}
	}
}
