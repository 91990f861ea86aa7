package physical

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"understudy"
	"understudy/internal/postgres/cluster"
)

// claim sees to it that nobody else makes this copy now, that its place is free, and that
// what a crash left is gone. The claim ends with this program, or with release.
func (c *copying) claim(ctx context.Context) (release func() error, err error) {
	if release, err = c.hold(); err != nil {
		return nil, err
	}
	if entries, err := os.ReadDir(c.spec.Dir); !errors.Is(err, fs.ErrNotExist) && (err != nil || len(entries) > 0) {
		return nil, errors.Join(understudy.Errorf(understudy.KindConflict, "copying into %s: there is something already; nothing was touched", c.spec.Dir).
			WithHint("name a directory that is not there yet"), release())
	}
	if err := c.clear(ctx); err != nil {
		return nil, errors.Join(err, release())
	}
	if c.owner, err = cluster.RunAs(); err != nil {
		return nil, errors.Join(err, release())
	}
	return release, nil
}

// hold keeps others from working at this place until release, or the end of the program.
func (c *copying) hold() (release func() error, err error) {
	if err := os.MkdirAll(filepath.Dir(c.spec.Dir), 0o755); err != nil {
		return nil, understudy.Errorf(understudy.KindUnavailable, "making the folder of %s: %w", c.spec.Dir, err)
	}
	path := c.spec.Dir + ".claim"
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, understudy.Errorf(understudy.KindUnavailable, "claiming %s: %w", c.spec.Dir, err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, understudy.Errorf(understudy.KindConflict, "claiming %s: another copy into it is under way: %w", c.spec.Dir, errors.Join(err, file.Close()))
	}
	if !names(path, file) {
		return nil, errors.Join(understudy.Errorf(understudy.KindConflict, "claiming %s: another copy into it has just ended", c.spec.Dir).WithHint("try again"), file.Close())
	}
	return func() error { return errors.Join(os.Remove(path), file.Close()) }, nil
}

// names tells whether a path still leads to an open file.
func names(path string, file *os.File) bool {
	open, err := file.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(path)
	return err == nil && os.SameFile(open, there)
}

// giveAway makes everything in the working folder the server's user's, as only root must.
func (c *copying) giveAway() error {
	err := os.Chmod(c.work, 0o700)
	if err == nil && os.Geteuid() == 0 {
		err = filepath.WalkDir(c.work, func(path string, _ fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return os.Lchown(path, c.owner.UID, c.owner.GID)
		})
	}
	if err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "giving the files of the copy to user %s: %w", c.owner.Name, err)
	}
	return nil
}
