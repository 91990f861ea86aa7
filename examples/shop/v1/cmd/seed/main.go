// Command seed makes v1's schema in an empty database and fills it with invented history.
package main

import (
	"context"
	"os"

	"understudy/examples/shop/internal/program"
	"understudy/examples/shop/internal/settings"
	"understudy/examples/shop/v1/seed"
)

func main() { program.Main(run) }

func run(ctx context.Context) error {
	given, err := settings.Read("DATABASE_URL")
	if err != nil {
		return err
	}
	return seed.Fill(ctx, given.DatabaseURL, os.Stdout)
}
