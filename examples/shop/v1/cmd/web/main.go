// Command web of release v1 serves the shop's pages.
package main

import (
	"github.com/jackc/pgx/v5/pgxpool"

	"understudy/examples/shop/internal/program"
	"understudy/examples/shop/internal/web"
	"understudy/examples/shop/v1/store"
)

func main() { program.Main(web.Main("v1", assemble)) }

func assemble(pool *pgxpool.Pool) (web.Accounts, web.Orders, []web.Feature) {
	return store.Accounts{Pool: pool}, store.Orders{Pool: pool}, nil
}
