// Package seed fills a fresh shop with enough invented history to behave like a real one.
package seed

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5"

	"understudy/examples/shop/internal/migrate"
	"understudy/examples/shop/v1/migrations"
)

//go:embed seed.sql
var history string

// Fill brings a database to v1's schema and fills it, once: a shop that has accounts is
// left as it is. The rows go in before the keys are made, which is three times as fast.
func Fill(ctx context.Context, url string, out io.Writer) error {
	steps, err := migrate.Read(migrations.Files)
	if err != nil {
		return err
	}
	migrator := migrate.Migrator{Release: "v1", Migrations: steps, Out: out}
	if err := migrator.Run(ctx, url, "up", "0001"); err != nil {
		return err
	}
	if err := fill(ctx, url, out); err != nil {
		return err
	}
	return migrator.Run(ctx, url, "up", "")
}

func fill(ctx context.Context, url string, out io.Writer) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return fmt.Errorf("connecting to the database: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var filled bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM accounts)").Scan(&filled); err != nil {
		return fmt.Errorf("looking for accounts: %w", err)
	}
	if filled {
		_, err := fmt.Fprintln(out, "there are accounts already: nothing to fill in")
		return err
	}
	started := time.Now()
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, history)
		return err
	})
	if err != nil {
		return fmt.Errorf("filling the shop: %w", err)
	}
	if _, err := conn.Exec(ctx, "ANALYZE accounts, products, orders, order_items, payments"); err != nil {
		return fmt.Errorf("reading what was filled in: %w", err)
	}
	_, err = fmt.Fprintf(out, "%-28s %d ms\n", "filled in", time.Since(started).Milliseconds())
	return err
}
