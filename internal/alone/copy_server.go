package alone

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"understudy"
	"understudy/internal/cli"
	"understudy/internal/postgres"
	"understudy/internal/postgres/cluster"
	"understudy/internal/postgres/logical"
)

// copyIntoServer copies into a private server that is made for it below a folder. What
// is half made is removed.
func copyIntoServer(ctx context.Context, order cli.TwinCopy, masks understudy.Masks, tell func(string)) (_ cli.TwinCopied, err error) {
	folder, err := filepath.Abs(order.To)
	if err != nil {
		return cli.TwinCopied{}, err
	}
	if _, err := os.Lstat(folder); err == nil {
		return cli.TwinCopied{}, understudy.Errorf(understudy.KindConflict, "--to: %s is there already; expected a folder that is not", folder)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return cli.TwinCopied{}, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(folder))
		}
	}()
	from, err := lookAt(ctx, order.From)
	if err != nil {
		return cli.TwinCopied{}, err
	}
	bin, err := programs(ctx, order.From)
	if err != nil {
		return cli.TwinCopied{}, err
	}
	server := cluster.New(cluster.Spec{Dir: filepath.Join(folder, "data"), SocketDir: filepath.Join(folder, "run"), Log: filepath.Join(folder, "log"), Locale: from.locale})
	made, err := fill(ctx, server, from.database, rows(order, server.AdminURL(from.database), bin, masks, tell))
	if err != nil {
		return cli.TwinCopied{}, err
	}
	return cli.TwinCopied{DatabaseCopy: made, Directory: folder, Start: startCommand(bin, folder)}, nil
}

// fill starts a new server for loading, copies and stops it.
func fill(ctx context.Context, server *cluster.Cluster, database string, spec logical.Spec) (made understudy.DatabaseCopy, err error) {
	defer func() { err = errors.Join(err, server.Stop(context.WithoutCancel(ctx))) }()
	if err := server.StartForLoading(ctx); err != nil {
		return made, err
	}
	if _, err := server.EnsureDatabase(ctx, database, "", nil); err != nil {
		return made, err
	}
	if made, err = logical.Copy(ctx, spec); err != nil {
		return made, err
	}
	return made, server.Seal(ctx)
}

func startCommand(bin, folder string) string {
	return filepath.Join(bin, "pg_ctl") + " -D " + filepath.Join(folder, "data") + " start"
}

// origin is what a copy has to know of its source before it begins.
type origin struct{ database, locale string }

func lookAt(ctx context.Context, url string) (origin, error) {
	conn, err := postgres.OpenReader(ctx, url, "understudy")
	if err != nil {
		return origin{}, err
	}
	defer postgres.CloseConn(ctx, conn)
	var o origin
	err = conn.QueryRow(ctx, "SELECT datname, datcollate FROM pg_database WHERE datname = current_database()").Scan(&o.database, &o.locale)
	if err != nil {
		return origin{}, postgres.ReadError("asking the source which database it is", err)
	}
	return o, nil
}
