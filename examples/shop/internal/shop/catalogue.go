package shop

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Catalogue is the products.
type Catalogue struct{ Pool *pgxpool.Pool }

const productColumns = "SELECT id, title, description, price_cents FROM products "

// Page lists size products from the given page on, the first being 1, and tells how
// many there are in all.
func (c Catalogue) Page(ctx context.Context, page, size int) ([]Product, int, error) {
	var all int
	if err := c.Pool.QueryRow(ctx, "SELECT count(*) FROM products").Scan(&all); err != nil {
		return nil, 0, err
	}
	products, err := c.list(ctx, productColumns+"ORDER BY id LIMIT $1 OFFSET $2", size, (page-1)*size)
	return products, all, err
}

// Search lists up to size products whose title holds the words.
func (c Catalogue) Search(ctx context.Context, words string, size int) ([]Product, error) {
	return c.list(ctx, productColumns+"WHERE strpos(lower(title), lower($1)) > 0 ORDER BY id LIMIT $2", words, size)
}

// Product is one product; ErrNotFound when there is none.
func (c Catalogue) Product(ctx context.Context, id int64) (Product, error) {
	products, err := c.list(ctx, productColumns+"WHERE id = $1", id)
	if err == nil && len(products) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return Product{}, err
	}
	return products[0], nil
}

// Items turns a cart, product to quantity, into lines with today's titles and prices.
func (c Catalogue) Items(ctx context.Context, cart Cart) ([]Item, error) {
	ids := make([]int64, 0, len(cart))
	for id := range cart {
		ids = append(ids, id)
	}
	products, err := c.list(ctx, productColumns+"WHERE id = ANY($1) ORDER BY id", ids)
	items := make([]Item, 0, len(products))
	for _, p := range products {
		items = append(items, Item{ProductID: p.ID, Title: p.Title, Quantity: cart[p.ID], Price: p.Price})
	}
	return items, err
}

func (c Catalogue) list(ctx context.Context, query string, args ...any) ([]Product, error) {
	rows, err := c.Pool.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Product])
}

// OneRow turns "no rows" into ErrNotFound.
func OneRow(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrNotFound
	}
	return err
}
