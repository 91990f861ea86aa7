// Command web of release v2 serves the shop's pages, with ratings where they are turned on.
package main

import (
	"context"

	"github.com/jackc/pgx/v5/pgxpool"

	"understudy/examples/shop/internal/flags"
	"understudy/examples/shop/internal/program"
	"understudy/examples/shop/internal/web"
	"understudy/examples/shop/v1/store"
	"understudy/examples/shop/v2/ratings"
)

func main() { program.Main(serve) }

func serve(ctx context.Context) error {
	on, err := flags.Boolean(ratings.Flag)
	if err != nil {
		return err
	}
	return web.Main("v2", func(pool *pgxpool.Pool) (web.Accounts, web.Orders, []web.Feature) {
		return store.Accounts{Pool: pool}, store.Orders{Pool: pool}, []web.Feature{ratings.Ratings{Pool: pool, On: on}.Feature()}
	})(ctx)
}
