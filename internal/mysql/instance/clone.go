package instance

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"understudy"
)

// CopyTree copies a folder with everything in it to a path that does not exist, by
// whatever means the file system has.
type CopyTree func(ctx context.Context, from, to string) error

// Clone makes the stopped server at another place a clone of this one, which it stops if
// it runs. It copies files, so that every engine, index and statistic comes along, and
// where the file system shares blocks it takes no time. The place appears whole or not at
// all; one that holds a server is an error of KindConflict, unless replace says otherwise:
// then that server is stopped, and there until the clone is whole.
func (s *Server) Clone(ctx context.Context, to *Server, replace bool, tree CopyTree) error {
	if err := to.valid(); err != nil {
		return err
	}
	return s.locked(ctx, func() error {
		return to.locked(ctx, func() error { return s.clone(ctx, to, replace, tree) })
	})
}

func (s *Server) clone(ctx context.Context, to *Server, replace bool, tree CopyTree) error {
	if err := errors.Join(s.putBack(), to.putBack()); err != nil {
		return err
	}
	if _, err := os.Stat(to.place.Dir); err == nil && !replace {
		return understudy.Errorf(understudy.KindConflict, "cloning %s: %s is there already", s, to.place.Dir)
	}
	if err := s.stop(ctx); err != nil {
		return err
	}
	making, old := to.place.Dir+".making", to.place.Dir+".old"
	for _, leftover := range []string{making, old} {
		if err := os.RemoveAll(leftover); err != nil {
			return understudy.Errorf(understudy.KindUnavailable, "clearing %s, left by a clone that was cut short: %w", leftover, err)
		}
	}
	if err := s.fill(ctx, making, tree); err != nil {
		return errors.Join(understudy.Errorf(understudy.KindOf(err), "cloning %s: %w", s, err), os.RemoveAll(making))
	}
	if err := to.stop(ctx); err != nil {
		return errors.Join(err, os.RemoveAll(making))
	}
	if err := os.Rename(to.place.Dir, old); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return understudy.Errorf(understudy.KindUnavailable, "setting aside %s: %w", to.place.Dir, err)
	}
	if err := os.Rename(making, to.place.Dir); err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "putting the clone in its place: %w", err)
	}
	if err := os.RemoveAll(old); err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "removing the clone that was replaced: %w", err)
	}
	return nil
}

// fill copies the files, gives them to their user, and takes out what names this server.
func (s *Server) fill(ctx context.Context, making string, tree CopyTree) error {
	if err := tree(ctx, s.place.Dir, making); err != nil {
		return err
	}
	for _, name := range []string{"auto.cnf", "server.pid"} { // the server's own id, and its process
		if err := os.Remove(filepath.Join(making, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	owner, err := runAs(s.place.Dir)
	if err != nil {
		return err
	}
	if err := os.Chmod(making, 0o700); err != nil {
		return err
	}
	return filepath.WalkDir(making, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return owner.own(path)
	})
}

// putBack undoes the first half of a replacement that a crash cut short: the last good
// directory is in its place again.
func (s *Server) putBack() error {
	if _, err := os.Lstat(s.place.Dir); !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := os.Rename(s.place.Dir+".old", s.place.Dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return understudy.Errorf(understudy.KindUnavailable, "putting back %s, which was being replaced: %w", s.place.Dir, err)
	}
	return nil
}
