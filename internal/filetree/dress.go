package filetree

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// dress gives what was cloned the owner, attributes, mode and times of its original, in
// the order in which none undoes another.
func dress(from, to string, was *unix.Stat_t) error {
	isLink := was.Mode&unix.S_IFMT == unix.S_IFLNK
	if os.Geteuid() == 0 {
		if err := os.Lchown(to, int(was.Uid), int(was.Gid)); err != nil {
			return err
		}
	}
	if !isLink {
		if err := copyAttributes(from, to); err != nil {
			return err
		}
		if err := unix.Chmod(to, uint32(was.Mode)&0o7777); err != nil { //nolint:unconvert // another type elsewhere
			return fmt.Errorf("giving %s its mode: %w", to, err)
		}
	}
	times := []unix.Timespec{was.Atim, was.Mtim}
	if err := unix.UtimesNanoAt(unix.AT_FDCWD, to, times, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return fmt.Errorf("giving %s its times: %w", to, err)
	}
	return nil
}

// copyAttributes copies extended attributes, of which access lists are some. Those that
// the file system does not keep, or that only the system may set, are left out.
func copyAttributes(from, to string) error {
	list, err := sized(func(buffer []byte) (int, error) { return unix.Llistxattr(from, buffer) })
	if notOurs(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("listing the attributes of %s: %w", from, err)
	}
	for name := range bytes.SplitSeq(bytes.TrimRight(list, "\x00"), []byte{0}) {
		if len(name) == 0 {
			continue
		}
		value, err := sized(func(buffer []byte) (int, error) { return unix.Lgetxattr(from, string(name), buffer) })
		if err == nil {
			err = unix.Lsetxattr(to, string(name), value, 0)
		}
		if err != nil && !notOurs(err) {
			return fmt.Errorf("giving %s its attribute %s: %w", to, name, err)
		}
	}
	return nil
}

// sized asks how long an answer is, then for the answer.
func sized(ask func([]byte) (int, error)) ([]byte, error) {
	length, err := ask(nil)
	if err != nil || length == 0 {
		return nil, err
	}
	buffer := make([]byte, length+256) // it may have grown since
	length, err = ask(buffer)
	if err != nil {
		return nil, err
	}
	return buffer[:length], nil
}

// notOurs tells what is the system's and not for us to copy.
func notOurs(err error) bool {
	return errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) || errors.Is(err, noAttribute)
}
