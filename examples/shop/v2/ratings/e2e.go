package ratings

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"understudy/examples/shop/internal/e2e"
	"understudy/examples/shop/internal/visitor"
)

// Case is the end-to-end test of ratings, for a shop that has them turned on.
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

// CaseOff is the same for a shop that has them turned off.
func CaseOff() e2e.Case {
	return e2e.Case{Name: "nobody is offered to rate anything", Run: func(ctx context.Context, v *visitor.Visitor) error {
		if err := v.SignUp(ctx, e2e.Address(), "Greta Test"); err != nil {
			return err
		}
		page, err := v.Get(ctx, "/products/5", http.StatusOK)
		if err == nil && strings.Contains(page, "Ratings") {
			err = errors.New("the page offers ratings")
		}
		_, _, refused := v.Post(ctx, "/products/5/ratings", url.Values{"stars": {"4"}}, http.StatusNotFound)
		return errors.Join(err, refused)
	}}
}
