package mysql_test

import (
	"context"
	"os"
	"path/filepath"

	"understudy"
)

func unmasked(string, []understudy.Column) (understudy.TableMasks, error) {
	return understudy.TableMasks{}, nil
}

func copyTree(_ context.Context, from, to string) error {
	return os.CopyFS(to, os.DirFS(filepath.Clean(from)))
}
