// Command e2e tests a running shop of release v2 from outside: of ratings, what is to be seen
// with the flag as it is.
package main

import (
	"context"

	"understudy/examples/shop/internal/e2e"
	"understudy/examples/shop/internal/flags"
	"understudy/examples/shop/internal/program"
	"understudy/examples/shop/v2/ratings"
)

func main() { program.Main(test) }

func test(ctx context.Context) error {
	on, err := flags.Boolean(ratings.Flag)
	if err != nil {
		return err
	}
	if on(ctx) {
		return e2e.Main(ratings.Case())(ctx)
	}
	return e2e.Main(ratings.CaseOff())(ctx)
}
