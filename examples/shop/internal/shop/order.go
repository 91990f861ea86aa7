package shop

import (
	"context"
	"crypto/rand"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Confirm keeps what follows from a new order, in the transaction that places it: its
// items, the payment that the worker will settle and the mail that it will send.
func Confirm(ctx context.Context, tx pgx.Tx, order int64, email string, items []Item, subject string) error {
	total := Total(items)
	batch := &pgx.Batch{}
	body := "Thank you for your order.\n\n"
	for _, item := range items {
		batch.Queue("INSERT INTO order_items (order_id, product_id, quantity, price_cents) VALUES ($1, $2, $3, $4)",
			order, item.ProductID, item.Quantity, item.Price)
		body += fmt.Sprintf("%3d × %s, %s each\n", item.Quantity, item.Title, item.Price)
	}
	batch.Queue("INSERT INTO payments (order_id, reference, amount_cents) VALUES ($1, $2, $3)", order, rand.Text(), total)
	batch.Queue("INSERT INTO outbox (recipient, subject, body) VALUES ($1, $2, $3)",
		email, subject, body+"\nTogether "+total.String()+".\n")
	return tx.SendBatch(ctx, batch).Close()
}

// ItemsOf lists the items of an order.
func ItemsOf(ctx context.Context, pool *pgxpool.Pool, order int64) ([]Item, error) {
	rows, err := pool.Query(ctx, `SELECT i.product_id, p.title, i.quantity, i.price_cents
		FROM order_items i JOIN products p ON p.id = i.product_id WHERE i.order_id = $1 ORDER BY i.id`, order)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Item])
}
