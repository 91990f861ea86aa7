package filetree

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"

	"golang.org/x/sys/unix"

	"understudy"
)

// Free is how many bytes a file system still takes from us at a folder that exists.
func Free(folder string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(folder, &s); err != nil {
		return 0, understudy.Errorf(understudy.KindUnavailable, "asking for the free space at %s: %w", folder, err)
	}
	return int64(s.Bavail) * int64(s.Bsize), nil //nolint:unconvert // other types elsewhere
}

// Size is what a file or folder takes on its disk, in bytes: holes take nothing, and a file with
// several names counts once. What goes away meanwhile does not count.
func Size(ctx context.Context, path string) (int64, error) {
	var total int64
	seen := map[inode]bool{}
	err := filepath.WalkDir(path, func(name string, _ fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && name != path {
			return nil
		}
		if err = errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		var s unix.Stat_t
		if err := unix.Lstat(name, &s); err != nil {
			if errors.Is(err, fs.ErrNotExist) && name != path {
				return nil
			}
			return err
		}
		id := inode{uint64(s.Dev), s.Ino} //nolint:unconvert // another type elsewhere
		if !seen[id] {
			total += s.Blocks * 512 // stat counts in 512 bytes, whatever the file system's blocks are
		}
		if s.Nlink > 1 {
			seen[id] = true
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return 0, understudy.Errorf(understudy.KindNotFound, "measuring %s: there is nothing of that name", path)
	}
	if err != nil && ctx.Err() == nil {
		err = understudy.Errorf(understudy.KindUnavailable, "measuring %s: %w", path, err)
	}
	return total, err
}

// margin is what stays free on a disk, in bytes: for the folders and lists of blocks of a
// clone, and so that a full twin does not stop everything else on the machine.
const margin = 16 << 20

// roomFor refuses a clone that the disk could not hold. A clone that shares its blocks
// needs the lists of blocks only: less than a hundredth.
func roomFor(ctx context.Context, from, to string, method Method) error {
	size, err := Size(ctx, from)
	if err != nil {
		return err
	}
	need := size + margin
	if method == Reflink {
		need = size/100 + margin
	}
	free, err := Free(filepath.Dir(to))
	if err != nil {
		return err
	}
	if free < need {
		return understudy.Errorf(understudy.KindUnavailable, "cloning %s to %s: it needs %d MB of disk (%s), and %d MB are free; nothing was written",
			from, to, need>>20, method, free>>20).WithHint("make room, or put the clones on a file system that shares blocks (XFS, btrfs)")
	}
	return nil
}
