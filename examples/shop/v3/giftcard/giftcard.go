// Package giftcard tells customers what is left on a gift card: release v3's feature. The
// cards are another company's; it is asked at GIFT_CARD_URL.
package giftcard

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"understudy/examples/shop/internal/shop"
	"understudy/examples/shop/internal/web"
)

//go:embed giftcard.html
var files embed.FS

var pages = template.Must(template.ParseFS(files, "giftcard.html"))

// Cards asks the company that issues the cards.
type Cards struct {
	URL    string
	Client *http.Client
}

// New asks at a base address.
func New(address string) Cards {
	return Cards{URL: strings.TrimSuffix(address, "/"), Client: &http.Client{Timeout: 5 * time.Second}}
}

// Feature is what the gift cards add to the site.
func (c Cards) Feature() web.Feature {
	return web.Feature{
		Routes: map[string]web.Handler{"GET /giftcards": c.form, "POST /giftcards": c.balance},
		Link:   "/giftcards", LinkText: "Gift cards",
	}
}

func (c Cards) form(v *web.Visit) error { return v.Show(pages, "giftcard", "Gift cards", "") }

func (c Cards) balance(v *web.Visit) error {
	code := strings.TrimSpace(v.R.FormValue("code"))
	if code == "" {
		return web.Refusal{Text: "Please give the code on the back of the card."}
	}
	left, err := c.Balance(v.Context(), code)
	if err != nil {
		return err
	}
	return v.Show(pages, "giftcard", "Gift cards", left.String())
}

// Balance is what is left on a card.
func (c Cards) Balance(ctx context.Context, code string) (shop.Cents, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL+"/cards/"+url.PathEscape(code), nil)
	if err != nil {
		return 0, err
	}
	response, err := c.Client.Do(request)
	if err != nil {
		return 0, fmt.Errorf("asking for a gift card: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("asking for a gift card: expected 200, the company answered %s", response.Status)
	}
	var answer struct {
		Cents shop.Cents `json:"balance_cents"`
	}
	err = json.NewDecoder(io.LimitReader(response.Body, 1<<16)).Decode(&answer)
	return answer.Cents, err
}
