package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"understudy/examples/shop/internal/visitor"
)

// plan is what a customer comes for; n is the number of the visit.
type plan func(ctx context.Context, v *visitor.Visitor, n int) error

// planFor says what visit n is for: out of ten, six are to look around, two by customers
// who come back, two by new ones who buy.
func planFor(n int) plan {
	switch n % 5 {
	case 1:
		return regular
	case 3:
		return buy
	}
	return browse
}

func browse(ctx context.Context, v *visitor.Visitor, n int) error {
	for _, path := range []string{
		"/", fmt.Sprintf("/products?page=%d", 1+n%50), fmt.Sprintf("/products/%d", 1+n*7%5000),
		"/search?q=kettle", fmt.Sprintf("/api/products/%d", 1+n*11%5000),
	} {
		if _, err := v.Get(ctx, path, http.StatusOK); err != nil {
			return err
		}
	}
	return nil
}

func regular(ctx context.Context, v *visitor.Visitor, n int) error {
	if err := v.SignIn(ctx, fmt.Sprintf("regular%d@example.com", 1+n%1000)); err != nil {
		return err
	}
	for _, path := range []string{"/account", "/orders", "/api/orders"} {
		if _, err := v.Get(ctx, path, http.StatusOK); err != nil {
			return err
		}
	}
	return nil
}

func buy(ctx context.Context, v *visitor.Visitor, n int) error {
	if err := v.SignUp(ctx, fmt.Sprintf("new%d.%d@example.com", time.Now().UnixNano(), n), "Clara Neu"); err != nil {
		return err
	}
	order, err := v.Buy(ctx, 1+n*13%5000, 1+n%3)
	if err != nil {
		return err
	}
	if _, err := v.Get(ctx, order, http.StatusOK); err != nil {
		return err
	}
	_, err = v.Get(ctx, "/orders", http.StatusOK)
	return err
}
