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

// inNewFolder gives act a folder that was not there, and removes it after an error.
func inNewFolder(to string, act func(folder string) (cli.TwinCopied, error)) (cli.TwinCopied, error) {
	folder, err := filepath.Abs(to)
	if err != nil {
		return cli.TwinCopied{}, err
	}
	if _, err := os.Lstat(folder); err == nil {
		return cli.TwinCopied{}, understudy.Errorf(understudy.KindConflict, "--to: %s is there already; expected a folder that is not", folder).
			WithHint("name another; or remove it, if a copy was killed there: what it left is not whole")
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return cli.TwinCopied{}, understudy.Errorf(understudy.KindUnavailable, "making the folder of --to: %w", err)
	}
	made, err := act(folder)
	if err != nil {
		return made, errors.Join(err, os.RemoveAll(folder))
	}
	made.Directory = folder
	made.Start = startCommand(folder)
	return made, nil
}

// startCommand is how people start what was made: as root that is for the user who owns it.
func startCommand(folder string) string {
	command := "pg_ctl -D " + filepath.Join(folder, "data") + " -l " + filepath.Join(folder, "log")
	if socket := filepath.Join(folder, "run"); isFolder(socket) {
		command += " -o '-k " + socket + "'"
	}
	if command += " start"; os.Geteuid() == 0 {
		command += "   (as the user who owns the folder data)"
	}
	return command
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// copyIntoServer copies into a private server that is made for it below a folder, loaded
// without care for crashes, sealed and stopped.
func copyIntoServer(ctx context.Context, order cli.TwinCopy, folder string, spec logical.Spec, tell func(string)) (made understudy.DatabaseCopy, err error) {
	from, err := lookAt(ctx, order.From)
	if err != nil {
		return made, err
	}
	server := cluster.New(cluster.Spec{Dir: filepath.Join(folder, "data"), SocketDir: filepath.Join(folder, "run"), Log: filepath.Join(folder, "log"), Locale: from.locale})
	defer func() { err = errors.Join(err, server.Stop(context.WithoutCancel(ctx))) }()
	if err := server.StartForLoading(ctx); err != nil {
		return made, err
	}
	if _, err := server.EnsureDatabase(ctx, from.database, "", nil); err != nil {
		return made, err
	}
	spec.Target = server.AdminURL(from.database)
	if made, err = copyAndProve(ctx, order, spec, tell); err != nil {
		return made, err
	}
	return made, server.Seal(ctx)
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
