package sqlitewatch

import (
	"os"
	"strconv"
	"syscall"

	"understudy"
)

// inodeOf is a file's number on its device, as text.
func inodeOf(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", understudy.Errorf(understudy.KindUnavailable, "looking at %s: %w", path, err)
	}
	has, isUnix := info.Sys().(*syscall.Stat_t)
	if !isUnix {
		return "", understudy.Errorf(understudy.KindInternal, "looking at %s: the system gives files no numbers", path)
	}
	return strconv.FormatUint(has.Ino, 10), nil
}
