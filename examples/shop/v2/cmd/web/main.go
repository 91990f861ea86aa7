// Command web of release v2 serves the shop's pages, with ratings.
package main

import (
	"github.com/jackc/pgx/v5/pgxpool"

	"understudy/examples/shop/internal/program"
	"understudy/examples/shop/internal/web"
	"understudy/examples/shop/v1/store"
	"understudy/examples/shop/v2/ratings"
)

func main() { program.Main(web.Main("v2", assemble)) }

func assemble(pool *pgxpool.Pool) (web.Accounts, web.Orders, []web.Feature) {
	return store.Accounts{Pool: pool}, store.Orders{Pool: pool}, []web.Feature{ratings.Ratings{Pool: pool}.Feature()}
}
