package journal_test

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"understudy/internal/journal"
)

func TestClose_GivesTheLockBackThoughAChildHasACopyOfIt(t *testing.T) {
	dir := t.TempDir()
	j, err := journal.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	child := copyOf(t, filepath.Join(dir, "lock"))
	defer func() { _ = unix.Close(child) }()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := journal.Open(dir)
	if err != nil {
		t.Fatalf("after it was closed: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

// copyOf is a second descriptor of a file that this process has open, as one that was
// forked and has not begun its own program has it.
func copyOf(t *testing.T, path string) int {
	t.Helper()
	entries, err := os.ReadDir("/dev/fd")
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if is, err := os.Stat(filepath.Join("/dev/fd", e.Name())); err != nil || !os.SameFile(is, want) {
			continue
		}
		fd, err := strconv.Atoi(e.Name())
		if err != nil {
			t.Fatal(err)
		}
		twin, err := unix.Dup(fd)
		if err != nil {
			t.Fatal(err)
		}
		return twin
	}
	t.Fatalf("%s is not open", path)
	return -1
}
