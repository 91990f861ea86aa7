package migrate

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"understudy/examples/shop/internal/settings"
)

// Main is the program `migrate up|down|status` of a release, for program.Main.
func Main(release string, folders ...fs.FS) func(context.Context) error {
	return func(ctx context.Context) error {
		if len(os.Args) != 2 {
			return errors.New("usage: migrate up|down|status")
		}
		given, err := settings.Read("DATABASE_URL")
		if err != nil {
			return err
		}
		migrations, err := Read(folders...)
		if err != nil {
			return err
		}
		return Migrator{Release: release, Migrations: migrations, Out: os.Stdout}.Run(ctx, given.DatabaseURL, os.Args[1], "")
	}
}
