package filetree

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// flush makes a clone survive a power cut.
func flush(path string, method Method) error {
	if method == Reflink {
		return flushShared(path)
	}
	return flushEach(path)
}

// flushEach flushes file by file, so that nobody waits for what others have written to
// the same disk.
func flushEach(path string) error {
	return filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() && !entry.IsDir() {
			return err
		}
		return flushOne(name)
	})
}

// flushOne makes a file, or what was made and renamed in a folder, survive a power cut.
func flushOne(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	if err := errors.Join(file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("flushing %s: %w", path, err)
	}
	return nil
}
