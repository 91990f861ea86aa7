package alone

import (
	"context"
	"errors"
	"path/filepath"

	"understudy"
	"understudy/internal/cli"
	"understudy/internal/postgres"
	"understudy/internal/postgres/cluster"
	"understudy/internal/postgres/logical"
)

// copyIntoServer copies into a private server that is made for it below a folder, loaded
// without care for crashes, sealed and stopped.
func copyIntoServer(ctx context.Context, order cli.TwinCopy, folder string, spec logical.Spec, tell func(string)) (made understudy.DatabaseCopy, err error) {
	from, err := lookAt(ctx, order.From)
	if err != nil {
		return made, err
	}
	server := cluster.New(cluster.Spec{Dir: filepath.Join(folder, "data"), SocketDir: filepath.Join(folder, "run"), Log: filepath.Join(folder, "log"), Locale: from.locale, Urgent: !order.Copying.GivesWay()})
	defer func() { err = errors.Join(err, server.Stop(context.WithoutCancel(ctx))) }()
	if err := server.StartForLoading(ctx); err != nil {
		return made, err
	}
	if _, err := server.EnsureDatabase(ctx, from.database, "", nil); err != nil {
		return made, err
	}
	spec.Target = server.AdminURL(from.database)
	if made, err = copyAndProve(ctx, order, spec, tell); err != nil {
		return made, server.Explain(err)
	}
	return made, server.Explain(server.Seal(ctx))
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
