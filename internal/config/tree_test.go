package config_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"understudy"
	"understudy/internal/config"
)

// plant writes files in an order, some executable, with a mode mask and a time.
func plant(t *testing.T, order []string, mask os.FileMode, when time.Time) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range order {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		mode := os.FileMode(0o666)
		if strings.HasPrefix(name, "bin/") {
			mode = 0o777
		}
		if name == "link" {
			if err := os.Symlink("bin/web", path); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.WriteFile(path, []byte("content of "+name), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode&^mask); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, when, when); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestTree_HasOneDigestWhateverOrderTimesAndUmask(t *testing.T) {
	names := []string{"bin/web", "a.b", "a/b", "link", "understudy.yaml", "z/y/x"}
	one := plant(t, names, 0o022, time.Now())
	other := plant(t, []string{"z/y/x", "link", "understudy.yaml", "a/b", "a.b", "bin/web"}, 0o077, time.Unix(0, 0))
	for _, extra := range []string{".git/HEAD", ".understudy/store.db", "z/.git"} {
		path := filepath.Join(other, extra)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("not content"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(other, "empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	a, errA := config.Tree(one)
	b, errB := config.Tree(other)
	if errA != nil || errB != nil {
		t.Fatal(errA, errB)
	}
	if diff := cmp.Diff(a, b); diff != "" {
		t.Errorf("the same content is two artifacts:\n%s", diff)
	}
	const known = "sha256:"
	if !strings.HasPrefix(string(a.Digest), known) || len(a.Files) != 6 {
		t.Errorf("got %+v", a)
	}
	for _, f := range a.Files {
		if f.Path == "bin/web" && (!f.Executable || f.Size != 18 || f.Digest != understudy.DigestOf([]byte("content of bin/web"))) {
			t.Errorf("bin/web is %+v", f)
		}
		if f.Path == "link" && f.Link != "bin/web" {
			t.Errorf("link is %+v", f)
		}
	}
}

func TestTree_TellsEveryChangeOfContent(t *testing.T) {
	base, err := config.Tree(plant(t, []string{"bin/web", "a", "link"}, 0o022, time.Now()))
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(dir string) error{
		"a byte":             func(dir string) error { return os.WriteFile(filepath.Join(dir, "a"), []byte("content of b"), 0o600) },
		"a name":             func(dir string) error { return os.Rename(filepath.Join(dir, "a"), filepath.Join(dir, "b")) },
		"the executable bit": func(dir string) error { return os.Chmod(filepath.Join(dir, "a"), 0o755) },
		"a link": func(dir string) error {
			return os.Rename(filepath.Join(dir, "link"), filepath.Join(dir, "link2"))
		},
		"one file more": func(dir string) error { return os.WriteFile(filepath.Join(dir, "c"), nil, 0o600) },
	} {
		dir := plant(t, []string{"bin/web", "a", "link"}, 0o022, time.Now())
		if err := change(dir); err != nil {
			t.Fatal(err)
		}
		changed, err := config.Tree(dir)
		if err != nil {
			t.Fatal(err)
		}
		if changed.Digest == base.Digest {
			t.Errorf("%s: the digest is the same", name)
		}
	}
}

func TestTree_RefusesWhatIsNotContentByName(t *testing.T) {
	for name, c := range map[string]struct {
		plant func(dir string) error
		want  string
	}{
		"absolute link":    {func(dir string) error { return os.Symlink("/etc/passwd", filepath.Join(dir, "out")) }, `"out": it is a link to /etc/passwd`},
		"link that climbs": {func(dir string) error { return os.Symlink("../x", filepath.Join(dir, "out")) }, `"out": it is a link to ../x`},
		"link that climbs by another": {func(dir string) error {
			if err := os.MkdirAll(filepath.Join(dir, "d"), 0o755); err != nil {
				return err
			}
			if err := os.Symlink("..", filepath.Join(dir, "d", "up")); err != nil {
				return err
			}
			return os.Symlink("up/../../etc", filepath.Join(dir, "d", "out"))
		}, `"d/out": it is a link to up/../../etc`},
		"pipe":    {func(dir string) error { return syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600) }, `"pipe": expected a file, a folder or a link, found a named pipe`},
		"nothing": {func(string) error { return nil }, "is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := c.plant(dir); err != nil {
				t.Fatal(err)
			}
			_, err := config.Tree(dir)
			if err == nil || !strings.Contains(err.Error(), c.want) || understudy.KindOf(err) != understudy.KindInvalid {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestTree_RefusesASocket(t *testing.T) {
	dir, err := os.MkdirTemp("/tmp", "us")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	listener, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	if _, err := config.Tree(dir); err == nil || !strings.Contains(err.Error(), `"s": expected a file, a folder or a link, found a socket`) {
		t.Errorf("got %v", err)
	}
}

func TestTree_OfAFolderThatIsNotThereIsNotFound(t *testing.T) {
	if _, err := config.Tree(filepath.Join(t.TempDir(), "none")); understudy.KindOf(err) != understudy.KindNotFound {
		t.Errorf("got %v", err)
	}
}
