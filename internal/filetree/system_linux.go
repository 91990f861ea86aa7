package filetree

import (
	"errors"
	"fmt"
	"io"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// noAttribute is the answer for an attribute that went away meanwhile.
const noAttribute = unix.ENODATA

// reflink makes a new file that shares its blocks with another. Where that does not work
// it leaves nothing and answers errors.ErrUnsupported.
func reflink(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close() //nolint:errcheck // opened for reading
	target, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	err = unix.IoctlFileClone(int(target.Fd()), int(source.Fd()))
	if err := errors.Join(err, target.Close()); err != nil {
		return errors.Join(unshared(to, err), os.Remove(to))
	}
	return nil
}

// unshared turns the many ways to say "not here" into one.
func unshared(to string, err error) error {
	for _, no := range []unix.Errno{unix.EOPNOTSUPP, unix.ENOSYS, unix.ENOTTY, unix.EXDEV, unix.EINVAL, unix.EPERM} {
		if errors.Is(err, no) {
			return errors.ErrUnsupported
		}
	}
	return fmt.Errorf("sharing blocks with %s: %w", to, err)
}

// nextData finds the next bytes that are no hole, from offset on; at the end, nothing.
func nextData(file *os.File, offset, size int64) (begin, end int64, err error) {
	begin, err = unix.Seek(int(file.Fd()), offset, unix.SEEK_DATA)
	if errors.Is(err, unix.ENXIO) { // a hole up to the end
		return size, size, nil
	}
	if err != nil { // a file system that knows no holes
		return offset, size, nil //nolint:nilerr // then all of it is data
	}
	end, err = unix.Seek(int(file.Fd()), begin, unix.SEEK_HOLE)
	if err != nil {
		return begin, size, nil //nolint:nilerr // as above
	}
	if end <= begin {
		return 0, 0, fmt.Errorf("looking for the data of %s: %w", file.Name(), io.ErrUnexpectedEOF)
	}
	return begin, min(end, size), nil
}

// fiemap is struct fiemap of linux/fiemap.h with room for one extent.
type fiemap struct {
	start, length             uint64
	flags, mapped, count, pad uint32
	logical, physical, extent uint64
	reserved64                [2]uint64
	extentFlags               uint32
	reserved32                [3]uint32
}

// Numbers of linux/fiemap.h.
const (
	fiemapCall   = 0xC020660B // FS_IOC_FIEMAP
	fiemapSync   = 0x1        // FIEMAP_FLAG_SYNC
	extentShared = 0x2000     // FIEMAP_EXTENT_SHARED
)

// shares asks the file system whether the first extent of a file is another file's too.
// One that cloned but keeps no such lists (ZFS) is believed.
func shares(path string) (bool, error) {
	file, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer file.Close() //nolint:errcheck // opened for reading
	ask := fiemap{length: ^uint64(0), flags: fiemapSync, count: 1}
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, file.Fd(), fiemapCall, uintptr(unsafe.Pointer(&ask)))
	if errno == unix.EOPNOTSUPP || errno == unix.ENOTTY {
		return true, nil
	}
	if errno != 0 {
		return false, fmt.Errorf("asking where %s lies: %w", path, errno)
	}
	return ask.mapped > 0 && ask.extentFlags&extentShared != 0, nil
}

// flushShared flushes a clone that shares its blocks, all at once: file by file, each would wait for
// the same log again, and there are no bytes to write.
func flushShared(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	if err := errors.Join(unix.Syncfs(int(folder.Fd())), folder.Close()); err != nil {
		return fmt.Errorf("flushing %s: %w", path, err)
	}
	return nil
}

// exchange lets two names change places in one step.
func exchange(a, b string) error {
	return unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
}
