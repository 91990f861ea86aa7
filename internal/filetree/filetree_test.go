package filetree_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"understudy"
	"understudy/internal/filetree"
	"understudy/internal/filetree/filetreetest"
)

// everywhere runs a claim on every kind of file system that this machine has.
func everywhere(t *testing.T, claim func(t *testing.T, kind filetreetest.Kind, folder string)) {
	for _, kind := range filetreetest.Here(t) {
		t.Run(string(kind), func(t *testing.T) { claim(t, kind, filetreetest.Folder(t, kind, 400)) })
	}
}

// planted is a tree with one of everything.
func planted(t *testing.T, at string) {
	t.Helper()
	content := bytes.Repeat([]byte("understudy "), 30_000)
	must(t, os.MkdirAll(filepath.Join(at, "deep", "er"), 0o755))
	must(t, os.WriteFile(filepath.Join(at, "big"), content, 0o640))
	must(t, os.WriteFile(filepath.Join(at, "deep", "er", "small"), []byte("a"), 0o400))
	must(t, os.WriteFile(filepath.Join(at, "deep", "empty"), nil, 0o600))
	must(t, os.Symlink("../nowhere", filepath.Join(at, "deep", "link")))
	must(t, os.Link(filepath.Join(at, "big"), filepath.Join(at, "deep", "same")))
	holed, err := os.Create(filepath.Join(at, "holed"))
	must(t, err)
	_, err = holed.WriteAt([]byte("end"), 40<<20)
	must(t, err)
	must(t, holed.Close())
	must(t, os.Chmod(filepath.Join(at, "deep"), 0o2750))
	then := time.Date(2020, 2, 3, 4, 5, 6, 789, time.UTC)
	must(t, os.Chtimes(filepath.Join(at, "big"), then, then))
	must(t, os.Chtimes(filepath.Join(at, "deep"), then, then))
	if err := unix.Setxattr(filepath.Join(at, "big"), "user.about", []byte("kept"), 0); err != nil && err != unix.ENOTSUP {
		t.Fatal(err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// described is all that a clone has to keep, a line for each name.
func described(t *testing.T, at string) string {
	t.Helper()
	var out strings.Builder
	must(t, filepath.Walk(at, func(path string, info os.FileInfo, err error) error {
		must(t, err)
		name, _ := filepath.Rel(at, path)
		stat := info.Sys().(*syscall.Stat_t)
		out.WriteString(strings.Join([]string{name, info.Mode().String(), info.ModTime().UTC().String()}, " "))
		switch {
		case info.Mode()&os.ModeSymlink != 0:
			target, _ := os.Readlink(path)
			out.WriteString(" → " + target)
		case info.Mode().IsRegular():
			content, err := os.ReadFile(path)
			must(t, err)
			value := make([]byte, 64)
			n, _ := unix.Getxattr(path, "user.about", value)
			out.WriteString(" " + understudy.DigestOf(content).Short() + " " + string(value[:max(n, 0)]))
			if stat.Nlink > 1 {
				out.WriteString(" linked")
			}
		}
		out.WriteString("\n")
		return nil
	}))
	return out.String()
}

func TestClone_KeepsEverything(t *testing.T) {
	everywhere(t, func(t *testing.T, kind filetreetest.Kind, folder string) {
		from, to := filepath.Join(folder, "from"), filepath.Join(folder, "to")
		must(t, os.Mkdir(from, 0o755))
		planted(t, from)
		made, err := filetree.Clone(t.Context(), from, to)
		must(t, err)
		if a, b := described(t, from), described(t, to); a != b {
			t.Errorf("original:\n%s\nclone:\n%s", a, b)
		}
		if kind != filetreetest.Plain && (made.Method != filetree.Reflink || made.Shared != made.Bytes) {
			t.Errorf("on %s it was made by %+v", kind, made)
		}
		if made.Files != 4 || made.Bytes < 40<<20 || made.Took <= 0 {
			t.Errorf("it is described as %+v", made)
		}
		if size, err := filetree.Size(t.Context(), to); err != nil || size > 8<<20 {
			t.Errorf("the hole was filled: %d bytes, %v", size, err)
		}
		must(t, os.WriteFile(filepath.Join(to, "holed"), []byte("mine"), 0o600))
		if info, err := os.Stat(filepath.Join(from, "holed")); err != nil || info.Size() < 40<<20 {
			t.Error("what was written into the clone is in the original")
		}
	})
}

func TestClone_GoesOnWhereACrashLeftHalfATree(t *testing.T) {
	folder := filetreetest.Folder(t, filetreetest.Plain, 0)
	from, to := filepath.Join(folder, "from"), filepath.Join(folder, "to")
	must(t, os.Mkdir(from, 0o755))
	must(t, os.WriteFile(filepath.Join(from, "a"), []byte("a"), 0o600))
	must(t, os.MkdirAll(filepath.Join(folder, ".understudy-making-to", "old"), 0o700))
	_, err := filetree.Clone(t.Context(), from, to)
	must(t, err)
	entries, err := os.ReadDir(folder)
	must(t, err)
	if len(entries) != 2 {
		t.Errorf("beside the two trees there is something left: %v", entries)
	}
	if _, err := os.Stat(filepath.Join(to, "old")); err == nil {
		t.Error("what the crash left is in the clone")
	}
}

func TestClone_LeavesNothingWhenNobodyWantsItAnyMore(t *testing.T) {
	folder := filetreetest.Folder(t, filetreetest.Plain, 0)
	from := filepath.Join(folder, "from")
	must(t, os.Mkdir(from, 0o755))
	must(t, os.WriteFile(filepath.Join(from, "a"), []byte("a"), 0o600))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := filetree.Clone(ctx, from, filepath.Join(folder, "to")); err == nil {
		t.Error("it was made all the same")
	}
	if entries, _ := os.ReadDir(folder); len(entries) != 1 {
		t.Errorf("left: %v", entries)
	}
}

func TestReset_PutsAPlaceBackAndKeepsItUntilTheNewOneIsWhole(t *testing.T) {
	everywhere(t, func(t *testing.T, _ filetreetest.Kind, folder string) {
		from, to := filepath.Join(folder, "from"), filepath.Join(folder, "to")
		must(t, os.Mkdir(from, 0o755))
		planted(t, from)
		for range 2 {
			_, err := filetree.Reset(t.Context(), from, to)
			must(t, err)
			if a, b := described(t, from), described(t, to); a != b {
				t.Errorf("original:\n%s\nafter the reset:\n%s", a, b)
			}
			must(t, os.WriteFile(filepath.Join(to, "written"), []byte("by the twin"), 0o600))
		}
		must(t, os.Remove(filepath.Join(from, "big")))
		must(t, unix.Mkfifo(filepath.Join(from, "pipe"), 0o600))
		if _, err := filetree.Reset(t.Context(), from, to); err == nil {
			t.Error("a pipe was cloned")
		}
		if _, err := os.Stat(filepath.Join(to, "written")); err != nil {
			t.Errorf("a reset that failed took the old tree: %v", err)
		}
		if entries, err := os.ReadDir(folder); err != nil || len(entries) > 3 { // btrfs and XFS have none of their own
			t.Errorf("left: %v, %v", entries, err)
		}
	})
}

func TestClone_RefusesWhatItCannotDoRight(t *testing.T) {
	folder := filetreetest.Folder(t, filetreetest.Plain, 0)
	from, piped := filepath.Join(folder, "from"), filepath.Join(folder, "piped")
	must(t, os.Mkdir(from, 0o755))
	must(t, os.Mkdir(piped, 0o755))
	must(t, unix.Mkfifo(filepath.Join(piped, "pipe"), 0o600))
	for name, try := range map[string]struct {
		from, to string
		kind     understudy.Kind
	}{
		"a taken place":          {from, piped, understudy.KindConflict},
		"a place inside":         {from, filepath.Join(from, "in"), understudy.KindInvalid},
		"a pipe":                 {piped, filepath.Join(folder, "to"), understudy.KindInvalid},
		"nothing":                {filepath.Join(folder, "none"), filepath.Join(folder, "to"), understudy.KindNotFound},
		"a place without folder": {from, filepath.Join(folder, "no", "to"), understudy.KindUnavailable},
	} {
		if _, err := filetree.Clone(t.Context(), try.from, try.to); understudy.KindOf(err) != try.kind {
			t.Errorf("%s: got %v of kind %q, expected %q", name, err, understudy.KindOf(err), try.kind)
		}
	}
}

func TestContained_NamesLinksThatLeadOut(t *testing.T) {
	for target, stays := range map[string]bool{
		"a": true, "./a": true, "../a": true, "../../a": true, "../../../a": false, "/etc": false, "up/../../..": false, "x/../a": false, "..": true, "../../..": false,
	} {
		root := t.TempDir()
		must(t, os.MkdirAll(filepath.Join(root, "one", "two"), 0o755))
		must(t, os.Symlink(target, filepath.Join(root, "one", "two", "link")))
		err := filetree.Contained(t.Context(), root)
		if stays && err != nil || !stays && understudy.KindOf(err) != understudy.KindRefused {
			t.Errorf("a link to %s: %v", target, err)
		}
	}
}

func TestClone_LooksForRoomFirst(t *testing.T) {
	for _, kind := range filetreetest.Here(t) {
		if kind != filetreetest.XFS {
			continue
		}
		small, source := filetreetest.Folder(t, kind, 310), filetreetest.Folder(t, filetreetest.Plain, 0)
		must(t, os.WriteFile(filepath.Join(source, "big"), make([]byte, 1<<20), 0o600))
		full, err := filetree.Free(small)
		must(t, err)
		must(t, os.WriteFile(filepath.Join(small, "ballast"), make([]byte, full-8<<20), 0o600))
		_, err = filetree.Clone(t.Context(), source, filepath.Join(small, "to"))
		if understudy.KindOf(err) != understudy.KindUnavailable || !strings.Contains(err.Error(), "MB are free") {
			t.Errorf("got %v", err)
		}
	}
}

func BenchmarkClone(b *testing.B) {
	for _, kind := range filetreetest.Here(b) {
		b.Run(string(kind), func(b *testing.B) {
			folder := filetreetest.Folder(b, kind, 1200)
			from := filepath.Join(folder, "from")
			if err := os.Mkdir(from, 0o755); err != nil {
				b.Fatal(err)
			}
			for n := range 100 { // 300 MB, as a small database
				if err := os.WriteFile(filepath.Join(from, string(rune('a'+n%26))+time.Duration(n).String()), bytes.Repeat([]byte{byte(n)}, 3<<20), 0o600); err != nil {
					b.Fatal(err)
				}
			}
			b.SetBytes(300 << 20)
			for b.Loop() {
				if _, err := filetree.Clone(b.Context(), from, filepath.Join(folder, "to")); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				if err := os.RemoveAll(filepath.Join(folder, "to")); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
		})
	}
}
