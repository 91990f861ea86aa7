package daemon

import (
	"context"
	"errors"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"understudy"
	"understudy/internal/api"
	"understudy/internal/journal"
)

// dialAs connects to a socket as a user: the thread that does it ends with the goroutine.
func dialAs(path string, uid int, dialled chan<- error) {
	runtime.LockOSThread()
	if uid != os.Geteuid() {
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, ^uintptr(0), uintptr(uid), ^uintptr(0)); errno != 0 {
			dialled <- errno
			return
		}
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err == nil {
		err = unix.Connect(fd, &unix.SockaddrUnix{Name: path})
	}
	dialled <- err
}

func TestActor_IsWhoIsAtTheOtherEndWhateverTheyCallThemselves(t *testing.T) {
	dir, err := os.MkdirTemp("/tmp", "us")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	uids := []int{os.Geteuid()}
	if os.Geteuid() == 0 {
		uids = append(uids, 65534)
		for name, mode := range map[string]os.FileMode{dir: 0o755, path: 0o777} {
			if err := os.Chmod(name, mode); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, uid := range uids {
		dialled := make(chan error, 1)
		go dialAs(path, uid, dialled)
		if err := <-dialled; err != nil {
			t.Fatalf("connecting as user %d: %v", uid, err)
		}
		conn, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		want := "ann"
		if uid != 0 {
			want = "user " + strconv.Itoa(uid)
			if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
				want = u.Username
			}
		}
		if got := (&Daemon{}).actor(withPeer(t.Context(), conn), "ann"); got != want {
			t.Errorf("user %d, who calls themselves ann, is taken for %s, want %s", uid, got, want)
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestActor_NobodyIsTakenForAnotherInTheJournal(t *testing.T) {
	d := archived(t)
	var err error
	if d.journal, err = journal.Open(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.journal.Close(); err != nil {
			t.Error(err)
		}
	})
	d.news = &news{bell: d.bell}
	ctx := context.WithValue(t.Context(), peerKey{}, 65534)
	again := func() error {
		_, err := d.RetryNotification(ctx, api.RetryNotification{ID: "1-team", By: "root"})
		return err
	}
	if err := again(); understudy.KindOf(err) != understudy.KindNotFound || d.journal.Head().Sequence != 0 {
		t.Fatalf("what is not there was tried again: %v, %+v", err, d.journal.Head())
	}
	if err := errors.Join(d.store.Put(ctx, kindNotified, "1-team", understudy.Notification{ID: "1-team", State: understudy.NotificationGivenUp}), again()); err != nil {
		t.Fatal(err)
	}
	if end := d.journal.Head(); end.Act != "notification.retried" || end.Actor == "root" {
		t.Errorf("%s was written down as done by %s", end.Act, end.Actor)
	}
}
