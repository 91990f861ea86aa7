package alone

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"understudy"
	"understudy/internal/cli"
	"understudy/internal/postgres/cluster"
	"understudy/internal/postgres/physical"
)

// unfinished is the mark of a folder with a copy that is not whole: it goes when all is done. So
// what a killed copy left is told from everything else.
func unfinished() mark {
	return mark{".understudy-unfinished", "A copy by understudy twin copy is being made in this folder, or was ended in the middle of it.\n"}
}

// inNewFolder gives act a folder that was not there, or holds nothing but what a killed copy
// left, and removes it after an error.
func inNewFolder(ctx context.Context, to string, tell func(string), act func(folder string) (cli.TwinCopied, error)) (cli.TwinCopied, error) {
	folder, err := filepath.Abs(to)
	if err != nil {
		return cli.TwinCopied{}, err
	}
	mark, err := takeFolder(ctx, folder, tell)
	if err != nil {
		return cli.TwinCopied{}, err
	}
	made, err := act(folder)
	if err == nil {
		err = unfinished().lift(folder)
	}
	if err != nil {
		return made, errors.Join(err, unfinished().remove(folder), mark.Close())
	}
	made.Directory = folder
	made.Start = startCommand(folder)
	return made, mark.Close()
}

// takeFolder makes the folder ours alone until the mark is closed.
func takeFolder(ctx context.Context, folder string, tell func(string)) (mark *held, err error) {
	if err := os.MkdirAll(filepath.Dir(folder), 0o755); err != nil {
		return nil, folderError(err)
	}
	if err := os.Mkdir(folder, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, folderError(err)
	}
	entries, err := os.ReadDir(folder)
	if info, lost := os.Lstat(folder); err != nil || lost != nil || !info.IsDir() {
		return nil, somebodys(folder)
	}
	if len(entries) == 0 {
		mark, err = unfinished().put(folder)
		return marked(mark, folder, err)
	}
	mark, err = unfinished().find(folder)
	if mark, err = marked(mark, folder, err); err != nil {
		return nil, err
	}
	tell("removing what a killed copy left in " + folder)
	if err := clearFolder(ctx, folder); err != nil {
		return nil, errors.Join(err, mark.Close())
	}
	return mark, nil
}

func somebodys(folder string) error {
	return understudy.Errorf(understudy.KindConflict, "--to: %s is there already; expected a folder that is not, or is empty; nothing was touched", folder).
		WithHint("name another")
}

func busy(folder string) error {
	return understudy.Errorf(understudy.KindConflict, "--to: another copy into %s is under way; nothing was touched", folder)
}

// marked says why a mark is not to be had in the words of --to.
func marked(file *held, folder string, err error) (*held, error) {
	switch {
	case errors.Is(err, errAtWork):
		err = busy(folder)
	case errors.Is(err, errNoMark):
		err = somebodys(folder)
	case err != nil:
		err = folderError(err)
	}
	return file, err
}

// clearFolder ends the servers that a killed copy left, and removes all but its mark.
func clearFolder(ctx context.Context, folder string) error {
	if err := endServers(ctx, folder); err != nil {
		return err
	}
	if err := unfinished().empty(folder); err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "removing what a killed copy left in %s: %w", folder, err).
			WithHint("remove it by hand: it may hold production's values")
	}
	return nil
}

// endServers ends the servers of PostgreSQL that were begun below a folder of ours.
func endServers(ctx context.Context, folder string) error {
	data := filepath.Join(folder, "data")
	if err := physical.Clear(ctx, data); err != nil || !isFolder(data) {
		return err
	}
	return cluster.New(cluster.Spec{Dir: data, SocketDir: filepath.Join(folder, "run"), Log: filepath.Join(folder, "log")}).Stop(ctx)
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
