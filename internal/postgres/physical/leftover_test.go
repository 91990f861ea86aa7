package physical_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"understudy/internal/postgres/physical"
)

func TestClear_RemovesWhatAKilledCopyLeftAndNothingElse(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	for _, folder := range []string{dir, filepath.Join(dir+".making", "base")} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := physical.Clear(t.Context(), dir); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Lstat(dir + ".making"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the working folder is still there: %v", err)
	}
	if _, err := os.Lstat(dir); err != nil {
		t.Errorf("the finished copy is gone: %v", err)
	}
	if left, _ := filepath.Glob(dir + ".claim"); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}
