package filetree

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"understudy"
)

// inode tells whether two names are the same file.
type inode struct{ device, number uint64 }

// filling is one clone being made.
type filling struct {
	made  Cloned
	links map[inode]string // files that have more names, and where the first was cloned to
}

// clone makes one thing at to like the one at from. What is gone by now is left out,
// unless it is the root, which the walk over the room has seen.
func (f *filling) clone(ctx context.Context, from, to string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var was unix.Stat_t
	if err := unix.Lstat(from, &was); err != nil {
		return fmt.Errorf("looking at %s: %w", from, err)
	}
	switch was.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return f.folder(ctx, from, to, &was)
	case unix.S_IFREG:
		return f.file(ctx, from, to, &was)
	case unix.S_IFLNK:
		return link(from, to, &was)
	}
	return understudy.Errorf(understudy.KindInvalid, "cloning %s: it is a pipe, a socket or a device, and a clone of it would stand for nothing", from).
		WithHint("move it out of the folder, or stop what made it")
}

func (f *filling) folder(ctx context.Context, from, to string, was *unix.Stat_t) error {
	if err := os.Mkdir(to, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		name := filepath.Join(from, entry.Name())
		err := f.clone(ctx, name, filepath.Join(to, entry.Name()))
		if errors.Is(err, fs.ErrNotExist) && isGone(name) {
			f.made.Gone++
			continue
		}
		if err != nil {
			return err
		}
	}
	return dress(from, to, was)
}

func isGone(path string) bool {
	_, err := os.Lstat(path)
	return errors.Is(err, fs.ErrNotExist)
}

func (f *filling) file(ctx context.Context, from, to string, was *unix.Stat_t) error {
	id := inode{uint64(was.Dev), was.Ino} //nolint:unconvert // another type elsewhere
	if first, cloned := f.links[id]; cloned {
		return os.Link(first, to)
	}
	shared, err := f.content(ctx, from, to)
	if err != nil {
		return err
	}
	if was.Nlink > 1 {
		f.links[id] = to
	}
	f.made.Files++
	f.made.Bytes += was.Size
	if shared {
		f.made.Shared += was.Size
	}
	return dress(from, to, was)
}

// content shares the blocks where that works, and copies where it does not. One file
// may not share where others do: one made without copy-on-write on btrfs, for instance.
func (f *filling) content(ctx context.Context, from, to string) (shared bool, err error) {
	if f.made.Method == Reflink {
		err := reflink(from, to)
		if err == nil || !errors.Is(err, errors.ErrUnsupported) {
			return err == nil, err
		}
		f.made.Method = Copy
	}
	return false, copyFile(ctx, from, to)
}

func copyFile(ctx context.Context, from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close() //nolint:errcheck // opened for reading
	target, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(copyData(ctx, source, target), target.Close())
}

// copyData copies what lies between the holes, in pieces, between which it looks whether
// anybody still wants it.
func copyData(ctx context.Context, source, target *os.File) error {
	info, err := source.Stat()
	if err != nil {
		return err
	}
	size := info.Size()
	for offset := int64(0); offset < size; {
		begin, end, err := nextData(source, offset, size)
		if err != nil {
			return err
		}
		if err := copyRange(ctx, source, target, begin, end); err != nil {
			return err
		}
		offset = end
	}
	return target.Truncate(size)
}

// piece is how much is copied before the context is looked at again, in bytes.
const piece = 64 << 20

func copyRange(ctx context.Context, source, target *os.File, begin, end int64) error {
	for _, file := range []*os.File{source, target} {
		if _, err := file.Seek(begin, io.SeekStart); err != nil {
			return err
		}
	}
	for at := begin; at < end; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := io.CopyN(target, source, min(piece, end-at)) // copy_file_range, where the system has it
		at += n
		if errors.Is(err, io.EOF) { // it became shorter meanwhile
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func link(from, to string, was *unix.Stat_t) error {
	target, err := os.Readlink(from)
	if err != nil {
		return err
	}
	if err := os.Symlink(target, to); err != nil {
		return err
	}
	return dress(from, to, was)
}
