package daemon

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"understudy"
	"understudy/internal/config"
	"understudy/internal/statedir"
)

// artifactOf makes a daemon with nothing but a state directory, and a folder to keep.
func artifactOf(t *testing.T) (d *Daemon, from string) {
	t.Helper()
	root := t.TempDir()
	from = filepath.Join(root, "build")
	if err := os.MkdirAll(filepath.Join(from, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(from, "bin", "web"), []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	d = &Daemon{options: Options{State: statedir.Dir{Root: filepath.Join(root, "state"), Run: filepath.Join(root, "run")}}}
	if err := d.options.State.Make(); err != nil {
		t.Fatal(err)
	}
	return d, from
}

func TestKeepTree_LetsEveryUserInWhateverTheUmask(t *testing.T) {
	before := syscall.Umask(0o077)
	defer syscall.Umask(before)
	d, from := artifactOf(t)
	a, err := config.Tree(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.keepTree(a, from); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]os.FileMode{"": 0o755, "bin": 0o755, "bin/web": 0o555} {
		info, err := os.Stat(filepath.Join(d.tree(a), path))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%q has mode %v, %v; expected %v", path, info.Mode(), err, want)
		}
	}
}

func TestKeepTree_ReplacesACopyThatIsNotWhatItsNameSays(t *testing.T) {
	d, from := artifactOf(t)
	a, err := config.Tree(from)
	if err != nil {
		t.Fatal(err)
	}
	damaged := filepath.Join(d.tree(a), "bin", "web")
	if err := os.MkdirAll(filepath.Dir(damaged), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(damaged, nil, 0o600); err != nil { // as a power cut leaves it
		t.Fatal(err)
	}
	if err := d.keepTree(a, from); err != nil {
		t.Fatal(err)
	}
	if had, err := config.Tree(d.tree(a)); err != nil || had.Digest != a.Digest {
		t.Errorf("what lies under %s is %s, %v", a.Digest.Short(), had.Digest.Short(), err)
	}
}

// TestCopyFile_NothingIsForkedWhileAProgramIsWritten looks while a copy waits for its source,
// a pipe: what is forked then would keep others from running the program.
func TestCopyFile_NothingIsForkedWhileAProgramIsWritten(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(from, "web"), 0o700); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- copyFile(understudy.ArtifactFile{Path: "web", Executable: true}, from, to) }()
	source, err := os.OpenFile(filepath.Join(from, "web"), os.O_WRONLY, 0) // once it is opened to be read
	if err != nil {
		t.Fatal(err)
	}
	for until := time.Now().Add(time.Minute); ; {
		if _, err := os.Stat(filepath.Join(to, "web")); err == nil {
			break
		}
		if time.Now().After(until) {
			t.Fatal("it is never written")
		}
	}
	if syscall.ForkLock.TryLock() {
		syscall.ForkLock.Unlock()
		t.Error("a program could be forked")
	}
	if err := source.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
