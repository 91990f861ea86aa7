package physical

import (
	"os"

	"golang.org/x/sys/unix"
)

// readAhead lets the system fetch a part of a file that will be read next. It is a wish:
// without it the same bytes come later.
func readAhead(file *os.File, at, length int64) {
	_ = unix.Fadvise(int(file.Fd()), at, length, unix.FADV_WILLNEED) // a wish
}

// writeBack lets the system begin to write out a part of a file, and does not wait for it.
// It is a wish: finish flushes everything.
func writeBack(file *os.File, at, length int64) {
	_ = unix.SyncFileRange(int(file.Fd()), at, length, unix.SYNC_FILE_RANGE_WRITE) // a wish
}
