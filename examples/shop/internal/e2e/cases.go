package e2e

import (
	"context"
	"errors"
	"net/http"

	"understudy/examples/shop/internal/visitor"
)

// Always are the cases that every release has to pass.
func Always() []Case {
	return []Case{
		{"a visitor looks around", lookAround},
		{"a visitor searches", search},
		{"a customer signs up, orders and finds the order", order},
		{"a customer who comes back is known", comeBack},
		{"orders are nobody else's business", keepApart},
	}
}

func lookAround(ctx context.Context, v *visitor.Visitor) error {
	for _, path := range []string{"/healthz", "/version", "/", "/products?page=2", "/products/1", "/api/products?page=1", "/api/products/1"} {
		if _, err := v.Get(ctx, path, http.StatusOK); err != nil {
			return err
		}
	}
	_, err := v.Get(ctx, "/products/999999", http.StatusNotFound)
	return err
}

func search(ctx context.Context, v *visitor.Visitor) error {
	page, err := v.Get(ctx, "/search?q=kettle", http.StatusOK)
	return errors.Join(err, Holds(page, "kettle, "))
}

func order(ctx context.Context, v *visitor.Visitor) error {
	if err := v.SignUp(ctx, Address(), "Ida Test"); err != nil {
		return err
	}
	placed, err := v.Buy(ctx, 3, 2)
	if err != nil {
		return err
	}
	page, err := v.Get(ctx, placed, http.StatusOK)
	if err := errors.Join(err, Holds(page, "Together")); err != nil {
		return err
	}
	page, err = v.Get(ctx, "/orders", http.StatusOK)
	return errors.Join(err, Holds(page, placed))
}

func comeBack(ctx context.Context, v *visitor.Visitor) error {
	email := Address()
	if err := v.SignUp(ctx, email, "Oskar Test"); err != nil {
		return err
	}
	if _, _, err := v.Post(ctx, "/signout", nil, http.StatusSeeOther); err != nil {
		return err
	}
	if _, err := v.Get(ctx, "/account", http.StatusSeeOther); err != nil {
		return err
	}
	if err := v.SignIn(ctx, email); err != nil {
		return err
	}
	page, err := v.Get(ctx, "/account", http.StatusOK)
	return errors.Join(err, Holds(page, "Oskar Test"))
}

func keepApart(ctx context.Context, v *visitor.Visitor) error {
	if err := v.SignUp(ctx, Address(), "Nora Test"); err != nil {
		return err
	}
	placed, err := v.Buy(ctx, 4, 1)
	if err != nil {
		return err
	}
	if err := v.SignUp(ctx, Address(), "Karl Test"); err != nil {
		return err
	}
	_, err = v.Get(ctx, placed, http.StatusNotFound)
	return err
}
