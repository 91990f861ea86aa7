package atomicfile_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"understudy/internal/atomicfile"
)

func TestWrite_ReplacesContentAndPermission(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	for _, content := range []string{"the first", "another"} {
		if err := atomicfile.Write(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := read(t, path); got != content {
			t.Fatalf("the file holds %q, expected %q", got, content)
		}
	}
	if err := atomicfile.Write(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o644 || info.Size() != 0 {
		t.Fatalf("found mode %v and %d bytes", info.Mode(), info.Size())
	}
}

func TestWriteFrom_LeavesTheOldFileAndNoLitterWhenTheContentFails(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "state")
	if err := atomicfile.Write(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	cause := errors.New("the source ran dry")
	err := atomicfile.WriteFrom(path, func(w io.Writer) error {
		if _, err := io.WriteString(w, "half of the n"); err != nil {
			return err
		}
		return cause
	}, 0o600)
	if !errors.Is(err, cause) || !strings.Contains(err.Error(), path) {
		t.Fatalf("the error names neither the cause nor the file: %v", err)
	}
	if got := read(t, path); got != "old" {
		t.Fatalf("the file holds %q", got)
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 {
		t.Fatalf("%d files in the folder, expected the one", len(entries))
	}
}

func TestWrite_NamesTheFileWhoseFolderIsMissing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing", "state")
	if err := atomicfile.Write(path, nil, 0o600); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), path) {
		t.Fatalf("found %v", err)
	}
}

func TestWrite_NeverShowsAMixtureToAReader(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	contents := []string{strings.Repeat("a", 1<<16), strings.Repeat("b", 1<<15)}
	if err := atomicfile.Write(path, []byte(contents[0]), 0o600); err != nil {
		t.Fatal(err)
	}
	var writers sync.WaitGroup
	for _, content := range contents {
		writers.Go(func() {
			for range 20 {
				if err := atomicfile.Write(path, []byte(content), 0o600); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 100 {
		if got := read(t, path); got != contents[0] && got != contents[1] {
			t.Fatalf("a reader saw a mixture of %d bytes", len(got))
		}
	}
	writers.Wait()
}

func read(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
