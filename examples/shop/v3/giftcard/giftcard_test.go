package giftcard_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"understudy/examples/shop/v3/giftcard"
)

func TestBalance_AsksTheCompany(t *testing.T) {
	company := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/cards/A B" {
			http.NotFound(w, r)
			return
		}
		fmt.Fprint(w, `{"balance_cents": 1250}`)
	}))
	defer company.Close()
	cards := giftcard.New(company.URL + "/")
	if left, err := cards.Balance(t.Context(), "A B"); err != nil || left.String() != "12.50 €" {
		t.Errorf("expected 12.50 €, found %s and %v", left, err)
	}
	if _, err := cards.Balance(t.Context(), "unknown"); err == nil {
		t.Error("a card that the company does not know: expected an error, found none")
	}
}
