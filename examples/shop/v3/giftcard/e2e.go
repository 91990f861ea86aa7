package giftcard

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"understudy/examples/shop/internal/e2e"
	"understudy/examples/shop/internal/visitor"
)

// Case is the end-to-end test of gift cards.
func Case() e2e.Case {
	return e2e.Case{Name: "a visitor asks what is left on a gift card", Run: func(ctx context.Context, v *visitor.Visitor) error {
		if _, err := v.Get(ctx, "/giftcards", http.StatusOK); err != nil {
			return err
		}
		page, _, err := v.Post(ctx, "/giftcards", url.Values{"code": {"TEST-1000"}}, http.StatusOK)
		return errors.Join(err, e2e.Holds(page, "left on this card"))
	}}
}
