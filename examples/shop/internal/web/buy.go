package web

import (
	"fmt"
	"strconv"

	"understudy/examples/shop/internal/shop"
)

func cart(v *Visit) error {
	items, err := v.Site.Catalogue.Items(v.Context(), v.Session.Cart)
	if err != nil {
		return err
	}
	return v.Show(pages, "cart", "Your cart", shop.Order{Items: items, Total: shop.Total(items)})
}

func addToCart(v *Visit) error {
	id, err := strconv.ParseInt(v.R.FormValue("product"), 10, 32)
	quantity, wrong := strconv.Atoi(v.R.FormValue("quantity"))
	if err != nil || wrong != nil || quantity < 1 || quantity > 99 {
		return Refusal{"Please choose a product, and 1 to 99 of it."}
	}
	if _, err := v.Site.Catalogue.Product(v.Context(), id); err != nil {
		return err
	}
	if v.Session.Cart == nil {
		v.Session.Cart = shop.Cart{}
	}
	v.Session.Cart[id] = min(v.Session.Cart[id]+quantity, 99)
	if err := v.Keep(v.Session); err != nil {
		return err
	}
	return v.Go("/cart")
}

func checkout(v *Visit) error {
	by, err := v.Account()
	if err != nil {
		return err
	}
	items, err := v.Site.Catalogue.Items(v.Context(), v.Session.Cart)
	if err != nil {
		return err
	}
	if len(items) == 0 {
		return Refusal{"Your cart is empty."}
	}
	id, err := v.Site.Orders.Place(v.Context(), by, items)
	if err != nil {
		return err
	}
	v.Session.Cart = shop.Cart{}
	if err := v.Keep(v.Session); err != nil {
		return err
	}
	return v.Go(fmt.Sprintf("/orders/%d", id))
}

func (v *Visit) orders() ([]shop.Order, error) {
	if v.Session.AccountID == 0 {
		return nil, errSignIn
	}
	return v.Site.Orders.Of(v.Context(), v.Session.AccountID)
}

func orders(v *Visit) error {
	placed, err := v.orders()
	if err != nil {
		return err
	}
	return v.Show(pages, "orders", "Your orders", placed)
}

func ordersJSON(v *Visit) error {
	placed, err := v.orders()
	if err != nil {
		return err
	}
	return v.JSON(map[string]any{"orders": placed})
}

func order(v *Visit) error {
	id, err := v.ID()
	if err != nil {
		return err
	}
	if v.Session.AccountID == 0 {
		return errSignIn
	}
	placed, err := v.Site.Orders.Get(v.Context(), v.Session.AccountID, id)
	if err != nil {
		return err
	}
	return v.Show(pages, "order", fmt.Sprintf("Order %d", id), placed)
}
