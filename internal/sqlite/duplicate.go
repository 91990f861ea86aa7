package sqlite

import (
	"context"
	"errors"
	"os"

	driver "modernc.org/sqlite"

	"understudy"
)

// duplicatedAtOnce is how many pages are copied before others may write, and we look whether
// to go on.
const duplicatedAtOnce = 4096

// Duplicate makes to a copy of a database that others may be using, page by page by SQLite's
// own backup: the same pages, statistics and settings, of one moment. The source is only
// read; where others write meanwhile the copy takes in what they wrote. What to was before is
// replaced when the copy is whole: nobody may have it open then.
//
// It is for trying something on a private copy of production's own data, unmasked: whoever
// makes one removes it. A twin that stays is made by [Copy].
func Duplicate(ctx context.Context, from, to string) error {
	s, err := openReader(ctx, from)
	if err != nil {
		return err
	}
	target, err := locate(to)
	if err != nil {
		return errors.Join(err, s.close())
	}
	working := target + ".duplicating"
	if err = remove(working); err == nil {
		err = private(working)
	}
	if err == nil {
		err = s.backup(ctx, working)
	}
	if err == nil {
		err = settle(working, target)
	}
	if err != nil {
		err = errors.Join(failed("making a private copy of database "+s.path, err), remove(working))
	}
	return errors.Join(err, s.close())
}

// private makes an empty file that nobody else can read, before anything is in it.
func private(path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return file.Close()
}

func (s *session) backup(ctx context.Context, to string) error {
	return s.conn.Raw(func(conn any) error {
		from, can := conn.(interface {
			NewBackup(to string) (*driver.Backup, error)
		})
		if !can {
			return understudy.Errorf(understudy.KindInternal, "the engine makes no backups")
		}
		b, err := from.NewBackup(uri(to, "rwc"))
		if err != nil {
			return err
		}
		for more := true; more && err == nil; {
			if err = ctx.Err(); err == nil {
				more, err = b.Step(duplicatedAtOnce)
			}
		}
		return errors.Join(err, b.Finish())
	})
}
