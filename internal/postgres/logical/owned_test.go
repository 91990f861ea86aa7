package logical_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// owned gives everything below a copied folder the owner and the mode of the original.
func owned(t *testing.T, original, copied string) {
	t.Helper()
	err := filepath.WalkDir(original, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		below, err := filepath.Rel(original, path)
		if err != nil {
			return err
		}
		info, err := os.Lstat(path)
		if err != nil {
			return err
		}
		if stat, isUnix := info.Sys().(*syscall.Stat_t); isUnix {
			if err := os.Lchown(filepath.Join(copied, below), int(stat.Uid), int(stat.Gid)); err != nil {
				return err
			}
		}
		return os.Chmod(filepath.Join(copied, below), info.Mode())
	})
	if err != nil {
		t.Fatal(err)
	}
}
