// Command web of release v3 serves the shop's pages, with ratings and gift cards.
package main

import (
	"os"

	"github.com/jackc/pgx/v5/pgxpool"

	"understudy/examples/shop/internal/program"
	"understudy/examples/shop/internal/web"
	"understudy/examples/shop/v2/ratings"
	"understudy/examples/shop/v3/giftcard"
	"understudy/examples/shop/v3/store"
)

func main() { program.Main(web.Main("v3", assemble, "GIFT_CARD_URL")) }

func assemble(pool *pgxpool.Pool) (web.Accounts, web.Orders, []web.Feature) {
	return store.Accounts{Pool: pool}, store.Orders{Pool: pool}, []web.Feature{
		ratings.Ratings{Pool: pool}.Feature(),
		giftcard.New(os.Getenv("GIFT_CARD_URL")).Feature(),
	}
}
