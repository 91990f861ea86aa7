// Package filetreetest lends tests folders on file systems of several kinds. Only tests
// import it.
package filetreetest

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
)

// Kind names a file system that a test can be lent a folder on.
type Kind string

// The kinds. Plain is whatever the machine's temporary folder lies on.
const (
	Plain Kind = "plain"
	XFS   Kind = "xfs"
	Btrfs Kind = "btrfs"
)

// Here are the kinds that this machine and user can have: Plain always, the others where
// a file may be mounted as a disk (as root, with the programs that make them).
func Here(t testing.TB) []Kind {
	t.Helper()
	kinds := []Kind{Plain}
	for _, kind := range []Kind{XFS, Btrfs} {
		disk, err := mounted(kind, 400)
		if err != nil {
			t.Logf("no %s here: %v", kind, err)
			continue
		}
		disk.end(t)
		kinds = append(kinds, kind)
	}
	return kinds
}

// Folder is an empty folder on a file system of that kind, with a short path that other users may
// enter. When the test ends it goes, and so do servers whose data directory stands in it.
func Folder(t testing.TB, kind Kind, megabytes int) string {
	t.Helper()
	if kind == Plain {
		folder, err := os.MkdirTemp("/tmp", "ft")
		if err == nil {
			err = os.Chmod(folder, 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := os.RemoveAll(folder); err != nil {
				t.Error(err)
			}
		})
		return folder
	}
	disk, err := mounted(kind, megabytes)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { disk.end(t) })
	return disk.folder
}

// disk is a file that is mounted, with the process that sees to its end.
type disk struct {
	folder string
	hold   io.Closer
	cmd    *exec.Cmd
}

// keeper makes a disk in a file and mounts it, says so, and after its standard input ends
// the servers on it, unmounts it and removes the file: whatever became of the test.
const keeper = `set -e
d=$1; kind=$2; size=$3
truncate -s "${size}M" "$d/disk"; mkdir "$d/m"
case $kind in
xfs) mkfs.xfs -q -m reflink=1 "$d/disk" >&2 ;;
btrfs) mkfs.btrfs -q "$d/disk" >&2 ;;
esac
mount -o loop "$d/disk" "$d/m"; chmod 755 "$d/m"; echo mounted
set +e
while read -r _; do :; done
for f in "$d"/m/*/postmaster.pid; do
  [ -f "$f" ] || continue
  pid=$(head -n 1 "$f"); kill -QUIT "$pid" 2>/dev/null
  n=0; while kill -0 "$pid" 2>/dev/null && [ $n -lt 100 ]; do sleep 0.1; n=$((n+1)); done
done
umount "$d/m" || umount -l "$d/m"
rm -rf "$d"`

func mounted(kind Kind, megabytes int) (*disk, error) {
	dir, err := os.MkdirTemp("/tmp", "ft")
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, err
	}
	cmd := exec.Command("/bin/sh", "-c", keeper, "keeper", dir, string(kind), strconv.Itoa(megabytes))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	hold, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	said, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	if _, err := io.ReadFull(said, make([]byte, len("mounted\n"))); err != nil {
		failed := cmd.Wait()
		os.RemoveAll(dir)
		return nil, failed
	}
	return &disk{folder: filepath.Join(dir, "m"), hold: hold, cmd: cmd}, nil
}

func (d *disk) end(t testing.TB) {
	if err := d.hold.Close(); err != nil {
		t.Error(err)
	}
	if err := d.cmd.Wait(); err != nil {
		t.Errorf("unmounting the test's disk: %v", err)
	}
}
