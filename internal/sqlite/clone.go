package sqlite

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"understudy"
)

// CopyFile copies one file to a path that does not exist, by whatever means the file
// system has.
type CopyFile func(ctx context.Context, from, to string) error

// Clone makes to a clone of a database by copying its file, which nobody can write to
// meanwhile. What to was before is replaced at once, when the clone is whole: nobody may
// have it open then.
func Clone(ctx context.Context, from, to string, file CopyFile) error {
	source, err := locate(from)
	if err == nil {
		err = present(source)
	}
	if err != nil {
		return err
	}
	target, err := locate(to)
	if err != nil {
		return err
	}
	working := target + ".cloning"
	if err := remove(working); err != nil {
		return err
	}
	err = still(ctx, source, func() error { return file(ctx, source, working) })
	if err == nil {
		err = settle(working, target)
	}
	if err != nil {
		return errors.Join(understudy.Errorf(understudy.KindOf(err), "cloning database %s: %w", source, err).WithHint("%s", understudy.HintOf(err)), remove(working))
	}
	return nil
}

// still runs act while all of a database is in its file and nobody can write to it.
func still(ctx context.Context, path string, act func() error) (err error) {
	s, err := open(ctx, path, "rw")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	mode, err := s.value(ctx, "reading the journal mode", "PRAGMA journal_mode")
	if err != nil {
		return err
	}
	if mode == "wal" {
		if err := s.drain(ctx); err != nil {
			return err
		}
	}
	if err := s.exec(ctx, "keeping writers out", "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	if info, statErr := os.Stat(path + "-wal"); statErr == nil && info.Size() > 0 { // somebody wrote in between
		return understudy.Errorf(understudy.KindConflict, "somebody writes to it").WithHint("stop what uses %s, then clone again", path)
	}
	return act()
}

// drain brings everything from the write-ahead log into the file.
func (s *session) drain(ctx context.Context) error {
	rows, err := s.texts(ctx, "bringing the write-ahead log into the file", "PRAGMA wal_checkpoint(TRUNCATE)")
	if err != nil {
		return err
	}
	if len(rows) == 1 && rows[0][0] != "0" {
		return understudy.Errorf(understudy.KindConflict, "bringing the write-ahead log of %s into the file: somebody reads or writes it", s.path).
			WithHint("stop what uses it, then clone again")
	}
	return nil
}

// settle forces a whole file to disk and gives it its name, in place of what had it.
func settle(working, target string) error {
	file, err := os.OpenFile(working, os.O_RDWR, 0)
	if err == nil {
		err = errors.Join(file.Sync(), file.Close())
	}
	if err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "forcing %s to disk: %w", working, err)
	}
	for _, left := range []string{target + "-wal", target + "-shm", target + "-journal"} { // they would be applied to the new file
		if err := os.Remove(left); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return understudy.Errorf(understudy.KindUnavailable, "removing %s: %w", left, err)
		}
	}
	if err := os.Rename(working, target); err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "giving %s its name: %w", target, err)
	}
	folder, err := os.Open(filepath.Dir(target))
	if err == nil {
		err = errors.Join(folder.Sync(), folder.Close())
	}
	if err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "forcing the name of %s to disk: %w", target, err)
	}
	return nil
}

// remove takes away a working file with what SQLite keeps beside it.
func remove(working string) error {
	for _, path := range []string{working, working + "-wal", working + "-shm", working + "-journal"} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return understudy.Errorf(understudy.KindUnavailable, "removing %s: %w", path, err)
		}
	}
	return nil
}
