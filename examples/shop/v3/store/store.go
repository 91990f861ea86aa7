// Package store keeps accounts and orders as release v3's schema has them: names in two
// parts, no telephone, amounts called amounts.
package store

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"understudy/examples/shop/internal/shop"
)

// Accounts are the customers.
type Accounts struct{ Pool *pgxpool.Pool }

// Split takes a name apart: the first word, and the rest.
func Split(name string) (first, last string) {
	first, last, _ = strings.Cut(strings.TrimSpace(name), " ")
	return first, last
}

// Create keeps a new account and returns its number; shop.ErrTaken when the address is
// known already.
func (a Accounts) Create(ctx context.Context, account shop.Account) (id int64, err error) {
	first, last := Split(account.FullName)
	err = a.Pool.QueryRow(ctx, `INSERT INTO accounts
		(email, password_hash, first_name, last_name, street, postcode, city, iban, born)
		VALUES ($1, $2, $3, $4, $5, $6, $7, nullif($8, ''), $9) RETURNING id`,
		account.Email, account.PasswordHash, first, last,
		account.Street, account.Postcode, account.City, account.IBAN, account.Born).Scan(&id)
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.ConstraintName == "accounts_email_key" {
		err = shop.ErrTaken
	}
	return id, err
}

// ByEmail finds the account with this address, or shop.ErrNotFound.
func (a Accounts) ByEmail(ctx context.Context, email string) (shop.Account, error) {
	return a.one(ctx, "email = $1", email)
}

// ByID finds the account with this number, or shop.ErrNotFound.
func (a Accounts) ByID(ctx context.Context, id int64) (shop.Account, error) {
	return a.one(ctx, "id = $1", id)
}

func (a Accounts) one(ctx context.Context, where string, arg any) (found shop.Account, err error) {
	err = a.Pool.QueryRow(ctx, `SELECT id, email, password_hash, first_name || ' ' || last_name, coalesce(street, ''),
		coalesce(postcode, ''), coalesce(city, ''), coalesce(iban, ''), born FROM accounts WHERE `+where, arg).
		Scan(&found.ID, &found.Email, &found.PasswordHash, &found.FullName, &found.Street,
			&found.Postcode, &found.City, &found.IBAN, &found.Born)
	return found, shop.OneRow(err)
}

// Orders are what customers bought.
type Orders struct{ Pool *pgxpool.Pool }

// Place keeps an order of the account for the items, with the payment to settle and the
// mail to send: all of it or nothing.
func (o Orders) Place(ctx context.Context, by shop.Account, items []shop.Item) (id int64, err error) {
	total := shop.Total(items)
	err = pgx.BeginFunc(ctx, o.Pool, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `INSERT INTO orders (account_id, amount_cents, ship_name, ship_street, ship_postcode, ship_city)
			VALUES ($1, $2, $3, $4, $5, $6) RETURNING id`,
			by.ID, total, by.FullName, by.Street, by.Postcode, by.City).Scan(&id)
		if err != nil {
			return err
		}
		return shop.Confirm(ctx, tx, id, by.Email, items, "Your order "+strconv.FormatInt(id, 10))
	})
	return id, err
}

// Of lists the latest fifty orders of an account, newest first, without their items.
func (o Orders) Of(ctx context.Context, account int64) ([]shop.Order, error) {
	rows, err := o.Pool.Query(ctx, `SELECT id, account_id, status, amount_cents, placed_at FROM orders
		WHERE account_id = $1 ORDER BY id DESC LIMIT 50`, account)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (order shop.Order, err error) {
		err = row.Scan(&order.ID, &order.AccountID, &order.Status, &order.Total, &order.PlacedAt)
		return order, err
	})
}

// Get is one order of an account with its items, or shop.ErrNotFound.
func (o Orders) Get(ctx context.Context, account, id int64) (order shop.Order, err error) {
	err = o.Pool.QueryRow(ctx, `SELECT id, account_id, status, amount_cents, placed_at FROM orders
		WHERE id = $1 AND account_id = $2`, id, account).
		Scan(&order.ID, &order.AccountID, &order.Status, &order.Total, &order.PlacedAt)
	if err != nil {
		return order, shop.OneRow(err)
	}
	order.Items, err = shop.ItemsOf(ctx, o.Pool, id)
	return order, err
}
