//go:build !linux

package filetree

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// noAttribute is the answer for an attribute that went away meanwhile.
const noAttribute = unix.ENOATTR

// reflink makes a new file that shares its blocks with another. Where that does not work
// it leaves nothing and answers errors.ErrUnsupported.
func reflink(from, to string) error {
	err := unix.Clonefile(from, to, unix.CLONE_NOFOLLOW)
	if errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.EXDEV) || errors.Is(err, unix.EINVAL) {
		return errors.ErrUnsupported
	}
	if err != nil {
		return fmt.Errorf("cloning %s: %w", from, err)
	}
	return nil
}

// nextData takes everything for data: holes are filled.
func nextData(_ *os.File, offset, size int64) (begin, end int64, err error) {
	return offset, size, nil
}

// shares believes clonefile, which shares or fails.
func shares(string) (bool, error) { return true, nil }

// flushShared flushes a clone that shares its blocks. There is no call for all of it.
func flushShared(path string) error { return flushEach(path) }

// exchange lets two names change places in one step.
func exchange(a, b string) error { return unix.RenamexNp(a, b, unix.RENAME_SWAP) }
