// Package ratings lets customers rate what they bought: release v2's feature.
package ratings

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"html/template"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"understudy/examples/shop/internal/shop"
	"understudy/examples/shop/internal/web"
)

//go:embed ratings.html
var files embed.FS

var pages = template.Must(template.ParseFS(files, "ratings.html"))

// Rating is what one customer thinks of one product.
type Rating struct {
	Stars  int
	Remark string
}

// Flag is the feature flag that the ratings stand behind.
const Flag = "ratings"

// Ratings are all that customers think of the products.
type Ratings struct {
	Pool *pgxpool.Pool
	On   func(ctx context.Context) bool // nil: always
}

func (r Ratings) on(ctx context.Context) bool { return r.On == nil || r.On(ctx) }

// Feature is what the ratings add to the site.
func (r Ratings) Feature() web.Feature {
	return web.Feature{
		Routes: map[string]web.Handler{"POST /products/{id}/ratings": r.rate},
		Panel:  r.panel,
	}
}

func (r Ratings) rate(v *web.Visit) error {
	if !r.on(v.Context()) {
		return shop.ErrNotFound
	}
	product, err := v.Product()
	if err != nil {
		return err
	}
	by, err := v.Account()
	if err != nil {
		return err
	}
	stars, err := strconv.Atoi(v.R.FormValue("stars"))
	if err != nil || stars < 1 || stars > 5 {
		return web.Refusal{Text: "Please give one to five stars."}
	}
	bought, err := r.bought(v.Context(), by.ID, product.ID)
	if err != nil {
		return err
	}
	if !bought {
		return web.Refusal{Text: "Only those who bought it can rate it."}
	}
	if err := r.keep(v.Context(), by.ID, product.ID, Rating{stars, strings.TrimSpace(v.R.FormValue("remark"))}); err != nil {
		return err
	}
	return v.Go(fmt.Sprintf("/products/%d", product.ID))
}

func (r Ratings) bought(ctx context.Context, account, product int64) (bought bool, err error) {
	err = r.Pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM orders o JOIN order_items i ON i.order_id = o.id
		WHERE o.account_id = $1 AND i.product_id = $2)`, account, product).Scan(&bought)
	return bought, err
}

// keep writes the rating and the product's new average. The product's row is locked
// first, so that two who rate at once are both in the average.
func (r Ratings) keep(ctx context.Context, account, product int64, rating Rating) error {
	return pgx.BeginFunc(ctx, r.Pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT FROM products WHERE id = $1 FOR NO KEY UPDATE", product); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `INSERT INTO ratings (product_id, account_id, stars, remark) VALUES ($1, $2, $3, $4)
			ON CONFLICT (product_id, account_id) DO UPDATE SET stars = excluded.stars, remark = excluded.remark, rated_at = now()`,
			product, account, rating.Stars, rating.Remark)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "UPDATE products SET stars = (SELECT avg(stars) FROM ratings WHERE product_id = $1) WHERE id = $1", product)
		return err
	})
}

func (r Ratings) panel(v *web.Visit, product shop.Product) (template.HTML, error) {
	if !r.on(v.Context()) {
		return "", nil
	}
	var average *float64
	if err := r.Pool.QueryRow(v.Context(), "SELECT stars::float8 FROM products WHERE id = $1", product.ID).Scan(&average); err != nil {
		return "", err
	}
	rows, err := r.Pool.Query(v.Context(), "SELECT stars, remark FROM ratings WHERE product_id = $1 ORDER BY rated_at DESC LIMIT 10", product.ID)
	if err != nil {
		return "", err
	}
	latest, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Rating])
	if err != nil {
		return "", err
	}
	var panel bytes.Buffer
	err = pages.ExecuteTemplate(&panel, "panel", map[string]any{
		"Product": product, "Average": Stars(average), "Latest": latest, "SignedIn": v.Session.AccountID != 0,
	})
	return template.HTML(panel.String()), err
}

// Stars writes an average for people; nobody has rated: nil.
func Stars(average *float64) string {
	if average == nil {
		return "Nobody has rated this yet."
	}
	full := int(*average + 0.5)
	return strings.Repeat("★", full) + strings.Repeat("☆", 5-full) + fmt.Sprintf(" %.1f", *average)
}
