package alone

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"understudy"
	"understudy/internal/cli"
	"understudy/internal/postgres/cluster"
	"understudy/internal/postgres/physical"
)

// unfinished is the file that says of a folder that it is ours and not whole: it is there
// before anything else is, locked while the copy is at work, and goes when all is done. So what
// a killed copy left is told from everything else.
const (
	unfinished     = ".understudy-unfinished"
	unfinishedText = "A copy by understudy twin copy is being made in this folder, or was ended in the middle of it.\n"
)

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
		err = finish(folder)
	}
	if err != nil {
		return made, errors.Join(err, os.RemoveAll(folder), mark.Close())
	}
	made.Directory = folder
	made.Start = startCommand(folder)
	return made, mark.Close()
}

// takeFolder makes the folder ours alone until the mark is closed.
func takeFolder(ctx context.Context, folder string, tell func(string)) (mark *os.File, err error) {
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
	path := filepath.Join(folder, unfinished)
	if len(entries) == 0 {
		return newMark(path)
	}
	if mark, err = oldMark(folder, path); err != nil {
		return nil, err
	}
	tell("removing what a killed copy left in " + folder)
	if err := clearFolder(ctx, folder, entries); err != nil {
		return nil, errors.Join(err, mark.Close())
	}
	return mark, nil
}

func folderError(err error) error {
	return understudy.Errorf(understudy.KindUnavailable, "making the folder of --to: %w", err)
}

func somebodys(folder string) error {
	return understudy.Errorf(understudy.KindConflict, "--to: %s is there already; expected a folder that is not, or is empty; nothing was touched", folder).
		WithHint("name another")
}

func busy(folder string) error {
	return understudy.Errorf(understudy.KindConflict, "--to: another copy into %s is under way; nothing was touched", folder)
}

func newMark(path string) (*os.File, error) {
	mark, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, busy(filepath.Dir(path))
	}
	if err != nil {
		return nil, folderError(err)
	}
	if syscall.Flock(int(mark.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		return nil, errors.Join(busy(filepath.Dir(path)), mark.Close())
	}
	if _, err := mark.WriteString(unfinishedText); err != nil {
		return nil, errors.Join(folderError(err), os.Remove(path), mark.Close())
	}
	return mark, nil
}

// oldMark locks the mark of a copy that was killed. A folder without one, or with one that
// says something else, is somebody's.
func oldMark(folder, path string) (*os.File, error) {
	mark, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil, somebodys(folder)
	}
	content, err := io.ReadAll(io.LimitReader(mark, int64(len(unfinishedText)+1)))
	if err != nil || string(content) != unfinishedText {
		return nil, errors.Join(somebodys(folder), mark.Close())
	}
	if syscall.Flock(int(mark.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		return nil, errors.Join(busy(folder), mark.Close())
	}
	open, err := mark.Stat()
	if there, gone := os.Lstat(path); err != nil || gone != nil || !os.SameFile(open, there) { // it was finished just now
		return nil, errors.Join(somebodys(folder), mark.Close())
	}
	return mark, nil
}

// clearFolder ends the servers that a killed copy left, and removes all but its mark.
func clearFolder(ctx context.Context, folder string, entries []fs.DirEntry) error {
	data := filepath.Join(folder, "data")
	if err := physical.Clear(ctx, data); err != nil {
		return err
	}
	if isFolder(data) {
		server := cluster.New(cluster.Spec{Dir: data, SocketDir: filepath.Join(folder, "run"), Log: filepath.Join(folder, "log")})
		if err := server.Stop(ctx); err != nil {
			return err
		}
	}
	for _, entry := range entries {
		if entry.Name() == unfinished {
			continue
		}
		if err := os.RemoveAll(filepath.Join(folder, entry.Name())); err != nil {
			return understudy.Errorf(understudy.KindUnavailable, "removing what a killed copy left in %s: %w", folder, err).
				WithHint("remove it by hand: it may hold production's values")
		}
	}
	return nil
}

// finish takes the mark away, so that it stays away: a copy that carries it would be removed by the next one.
func finish(folder string) error {
	if err := os.Remove(filepath.Join(folder, unfinished)); err != nil {
		return folderError(err)
	}
	opened, err := os.Open(folder)
	if err != nil {
		return folderError(err)
	}
	if err := errors.Join(opened.Sync(), opened.Close()); err != nil {
		return folderError(err)
	}
	return nil
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
