package proof

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/postgres"
)

// Folder shows every file below a data directory, one after the other.
func Folder(dir string) func(ctx context.Context, show func(name string, from io.Reader) error) error {
	return func(ctx context.Context, show func(name string, from io.Reader) error) error {
		return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			switch {
			case errors.Is(err, fs.ErrNotExist): // the server has removed it meanwhile
				return nil
			case err != nil || !entry.Type().IsRegular():
				return err
			case ctx.Err() != nil:
				return context.Cause(ctx)
			}
			return showFile(dir, path, show)
		})
	}
}

func showFile(dir, path string, show func(name string, from io.Reader) error) error {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "searching a file of the copy: %w", err)
	}
	name, err := filepath.Rel(dir, path)
	return errors.Join(err, show(name, file), file.Close())
}

// Loosely proves a copy of no moment that could be held: one by files. Statistics and
// plans are compared with the source as it is now, rows are not ([Off] is what such a
// proof is made with); without a source's url not even those.
func (p *Proof) Loosely(ctx context.Context, source, twin string) (understudy.CopyProof, error) {
	if source == "" {
		return p.Finish(ctx, twin)
	}
	moment, err := postgres.OpenMoment(ctx, source, "understudy proof")
	if err != nil {
		return understudy.CopyProof{}, err
	}
	defer moment.Close(ctx)
	target, err := pgx.Connect(ctx, twin)
	if err != nil {
		return understudy.CopyProof{}, postgres.ReadError("connecting to the copy", err)
	}
	defer postgres.CloseConn(ctx, target)
	if err := p.Check(ctx, moment, target); err != nil {
		return understudy.CopyProof{}, err
	}
	return p.Finish(ctx, twin)
}
