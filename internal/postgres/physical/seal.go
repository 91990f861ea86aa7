package physical

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"golang.org/x/sync/errgroup"

	"understudy"
)

// seal takes away what the stopped cluster does not need and what may hold originals: its
// write-ahead log, and files that belong to nothing. Then it counts what is left.
func (c *copying) seal(ctx context.Context) error {
	if err := c.dropOrphans(); err != nil {
		return err
	}
	if err := c.renewLog(ctx); err != nil {
		return err
	}
	for _, name := range []string{"understudy.conf", "postmaster.opts", "backup_label.old", "tablespace_map.old"} { // of the server at work
		if err := os.RemoveAll(filepath.Join(c.work, name)); err != nil {
			return tidyError(err)
		}
	}
	for _, folder := range []string{"pg_stat", "pg_stat_tmp"} {
		if err := c.emptyOwned(folder); err != nil {
			return tidyError(err)
		}
	}
	return c.eachFile(func(_ string, size int64) error {
		c.bytes += size
		return nil
	})
}

// emptyOwned empties a folder, which stays the server's user's.
func (c *copying) emptyOwned(folder string) error {
	path := filepath.Join(c.work, folder)
	entries, err := os.ReadDir(path)
	for _, entry := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(path, entry.Name())))
	}
	return err
}

// renewLog begins a new write-ahead log on a timeline of its own, and makes sure that
// nothing of the old one is left.
func (c *copying) renewLog(ctx context.Context) error {
	next, err := c.control.nextTimeline()
	if err != nil {
		return err
	}
	cmd := c.owner.Command(ctx, filepath.Join(c.from.Bin, "pg_resetwal"), "-l", next, "--pgdata", c.work)
	if err := cmd.Run(); err != nil {
		return understudy.Errorf(understudy.KindInternal, "beginning a new write-ahead log in the copy: pg_resetwal: %w", err)
	}
	return c.keepOneSegment()
}

// segmentFile matches the name of a file of the write-ahead log.
var segmentFile = regexp.MustCompile(`^[0-9A-F]{24}$`)

// keepOneSegment removes what describes the old log, such as histories of its timelines,
// and makes sure that the one new file is all there is.
func (c *copying) keepOneSegment() error {
	segments := 0
	err := filepath.WalkDir(filepath.Join(c.work, "pg_wal"), func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil || entry.IsDir():
			return err
		case segmentFile.MatchString(entry.Name()):
			segments++
			return nil
		}
		return os.Remove(path)
	})
	if err != nil {
		return tidyError(err)
	}
	if segments != 1 {
		return understudy.Errorf(understudy.KindInternal, "beginning a new write-ahead log in the copy: one file was expected, %d were found", segments)
	}
	return nil
}

// eachFile shows act the files of the working folder, by their paths in it.
func (c *copying) eachFile(act func(path string, size int64) error) error {
	return filepath.WalkDir(c.work, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		return act(strings.TrimPrefix(path, c.work+"/"), info.Size())
	})
}

// scan lets the caller look for originals in every file, as it will be handed out.
func (c *copying) scan(ctx context.Context) error {
	if c.spec.Scan == nil {
		return nil
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(c.spec.Parallel)
	err := c.eachFile(func(path string, _ int64) error {
		group.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			file, err := os.Open(filepath.Join(c.work, path))
			if err != nil {
				return understudy.Errorf(understudy.KindUnavailable, "scanning file %s of the copy: %w", path, err)
			}
			return errors.Join(c.spec.Scan(path, file), file.Close())
		})
		return nil
	})
	return errors.Join(err, group.Wait())
}

// finish flushes everything to disk, and gives the copy its name.
func (c *copying) finish(ctx context.Context) error {
	if err := c.owner.Command(ctx, filepath.Join(c.from.Bin, "initdb"), "--sync-only", "--pgdata", c.work).Run(); err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "flushing the copy to disk: initdb --sync-only: %w", err)
	}
	if err := os.Remove(c.spec.Dir); err != nil && !errors.Is(err, fs.ErrNotExist) { // an empty folder
		return understudy.Errorf(understudy.KindUnavailable, "giving the copy its name: %w", err)
	}
	if err := os.Rename(c.work, c.spec.Dir); err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "giving the copy its name: %w", err)
	}
	if err := syncFolder(filepath.Dir(c.spec.Dir)); err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "giving the copy its name: %w", err)
	}
	return c.clear(ctx)
}

func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
