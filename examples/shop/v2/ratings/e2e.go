package ratings

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"understudy/examples/shop/internal/e2e"
	"understudy/examples/shop/internal/visitor"
)

// Case is the end-to-end test of ratings.
func Case() e2e.Case {
	return e2e.Case{Name: "a customer rates what was bought, and only that", Run: func(ctx context.Context, v *visitor.Visitor) error {
		if err := v.SignUp(ctx, e2e.Address(), "Greta Test"); err != nil {
			return err
		}
		if _, err := v.Buy(ctx, 5, 1); err != nil {
			return err
		}
		rating := url.Values{"stars": {"4"}, "remark": {"Does what it should."}}
		if _, _, err := v.Post(ctx, "/products/6/ratings", rating, http.StatusUnprocessableEntity); err != nil {
			return err
		}
		if _, _, err := v.Post(ctx, "/products/5/ratings", rating, http.StatusSeeOther); err != nil {
			return err
		}
		page, err := v.Get(ctx, "/products/5", http.StatusOK)
		return errors.Join(err, e2e.Holds(page, "Does what it should."))
	}}
}
